"""The Markdown pages of the documentation."""

import re
from collections.abc import Iterator
from typing import Final

from tests.harness.paths import ROOT

PAGES: Final = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def table_rows(page: str, heading: str) -> Iterator[list[str]]:
    """The cells of each table row in a section of a page. Rows that do not begin with code are left out."""
    section = re.split(rf"^## {heading}$", page, flags=re.MULTILINE)[1].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]
