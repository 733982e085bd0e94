"""The Markdown pages of the documentation."""

from typing import Final

from tests.harness.paths import ROOT

PAGES: Final = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
