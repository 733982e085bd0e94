"""Node.js and the npm packages that `make js` installs."""

import shutil
from typing import Final

import pytest

from tests.harness.paths import ROOT

PACKAGES: Final = ROOT / ".cache" / "js"


def missing() -> str:
    """Why there is no Node.js to run scripts with, "" when there is."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    return "" if (PACKAGES / "node_modules").is_dir() else "the npm packages are not installed: make js does that"


needs_node = pytest.mark.skipif(bool(missing()), reason=missing())
