"""The code that docs/fallback.md shows."""

import re
from typing import Any, Final

from tests.harness.paths import ROOT

PAGE: Final = (ROOT / "docs" / "fallback.md").read_text()


def code(language: str) -> str:
    """The page's only code block in this language."""
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(block)


def ticket_endpoint() -> dict[str, Any]:
    """The names that the reference endpoint defines."""
    names: dict[str, Any] = {}
    exec(compile(code("python"), "docs/fallback.md", "exec"), names)  # noqa: S102  (our own page)
    return names
