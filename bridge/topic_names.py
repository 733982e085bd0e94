"""Kafka's rule for the names of topics. Pure."""

import re
from typing import Final

_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")


def is_topic(name: str) -> bool:
    """True if a topic can have this name."""
    return _TOPIC.fullmatch(name) is not None and name not in (".", "..")
