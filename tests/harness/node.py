"""Node.js and the npm packages that `make js` installs."""

import shutil
from typing import Final

import pytest

from tests.harness.paths import ROOT

PACKAGES: Final = ROOT / ".cache" / "js"


def missing() -> str:
    """The reason why scripts cannot be run with Node.js; "" if they can."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    return "" if (PACKAGES / "node_modules").is_dir() else "the npm packages are not installed; run make js"


needs_node = pytest.mark.skipif(bool(missing()), reason=missing())
