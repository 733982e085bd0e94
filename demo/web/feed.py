"""A list of numbered items, from which a page can fetch only the new items."""

from collections import deque
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any

KEPT = 300


@dataclass
class Feed:
    """The newest items. Each has a number `seq`: 1, 2, …"""

    _items: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def add(self, **item: Any) -> None:
        self._items.append({"seq": next(self._numbers), **item})

    def after(self, seq: int) -> list[dict[str, Any]]:
        """The items whose number is higher than `seq`, as far as they are kept. The oldest is first."""
        return [*takewhile(lambda item: item["seq"] > seq, reversed(self._items))][::-1]
