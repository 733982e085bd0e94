"""Writes files that contain secrets."""

from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Creates a file that only this user can read."""
    path.touch(mode=0o600)
    path.write_text(text)
