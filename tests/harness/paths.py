"""The paths of the project's folders."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
DEPLOY: Final = ROOT / "deploy"
