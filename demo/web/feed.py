"""Numbered items, so that a page can fetch only the new ones."""

from collections import deque
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any

KEPT = 300


@dataclass
class Feed:
    """The newest items, each with `seq` 1, 2, …"""

    _items: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def add(self, **item: Any) -> None:
        self._items.append({"seq": next(self._numbers), **item})

    def after(self, seq: int) -> list[dict[str, Any]]:
        """The kept items with a higher number, oldest first."""
        return [*takewhile(lambda item: item["seq"] > seq, reversed(self._items))][::-1]
