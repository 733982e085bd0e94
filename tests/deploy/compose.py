"""Reads deploy/compose.yaml."""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.harness.paths import DEPLOY

FILE: Final = DEPLOY / "compose.yaml"
FILES: Final = DEPLOY / "compose"
KEYS: Final = {"GUARD_TOKEN": "made-up-guard-token", "API_KEY": "made-up-api-key"}


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def bind_mounts() -> Iterator[tuple[str, str]]:
    """Each mounted file or folder of deploy/, and its path in the container. All are mounted read-only."""
    for service in services().values():
        for volume in service.get("volumes", ()):
            source, target, *mode = volume.split(":")
            if source.startswith("."):
                assert mode == ["ro"]
                yield source, target
