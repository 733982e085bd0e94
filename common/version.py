"""The version of the service: the newest release in CHANGELOG.md, which is installed next to the packages."""

import re
from pathlib import Path
from typing import Final

from common.files import MIB, read_file

CHANGELOG: Final = Path(__file__).resolve().parents[1] / "CHANGELOG.md"
HEADING: Final = re.compile(r"^## \[(\d+\.\d+\.\d+)\]", re.MULTILINE)


def read_version(changelog: str) -> str:
    """The first released version in the text. Raises ValueError if there is none."""
    if match := HEADING.search(changelog):
        return match[1]
    raise ValueError("CHANGELOG.md has no heading such as ## [1.0.0]")


VERSION: Final = read_version(read_file(CHANGELOG, MIB).decode())
