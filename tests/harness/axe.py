"""Checks the accessibility of a page in the browser with axe-core."""

from typing import Any, Final

import pytest

from tests.harness.chromium import Tab
from tests.harness.node import PACKAGES

SCRIPT: Final = PACKAGES / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS: Final = frozenset({"serious", "critical"})

needs_axe = pytest.mark.skipif(not SCRIPT.exists(), reason="axe-core is not installed; run make js")


async def serious_faults(tab: Tab) -> list[tuple[str, Any]]:
    """The violated rules of impact serious or critical: the id of each rule, and the selectors of its HTML elements."""
    await tab.value(SCRIPT.read_text() + "; 0")
    found = await tab.value("axe.run(document).then(({ violations }) => violations)")
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found if each["impact"] in SERIOUS]
