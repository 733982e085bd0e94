"""State that the poller's thread and the event loop share. Each attribute is written by one side only.

Single attributes are read and written at once under CPython's lock; nothing here needs a lock of its own.
"""

import threading
from dataclasses import dataclass, field

from bridge.delivery.work import Partition


@dataclass
class Gate:
    """How much the bridge may read ahead, and what may be committed.

    `pending`, `pending_bytes`, `held` (partitions that must not be read) and `commits` are the loop's. What was handed
    over counts in `handed` and, once the loop has received it, in `taken`, so that nothing is between the two.
    """

    most_pending: int
    most_bytes: int
    pending: int = 0
    pending_bytes: int = 0
    taken: int = 0
    held: frozenset[Partition] = frozenset()
    commits: dict[Partition, int] = field(default_factory=dict)
    handed: int = 0
    paused: bool = False
    turned_at: float = 0.0
    _room: threading.Event = field(default_factory=threading.Event)

    def update(self, pending: int, pending_bytes: int) -> None:
        """The loop's: what is pending now."""
        self.pending, self.pending_bytes = pending, pending_bytes
        if not self.full and not self._room.is_set():
            self._room.set()

    @property
    def full(self) -> bool:
        """True if nothing more may be read."""
        return self.pending + self.handed - self.taken >= self.most_pending or self.pending_bytes >= self.most_bytes

    @property
    def has_ample_room(self) -> bool:
        """True if reading may go on after a pause: half of the room is free."""
        under = self.pending + self.handed - self.taken <= self.most_pending // 2
        return under and self.pending_bytes <= self.most_bytes // 2

    @property
    def room(self) -> int:
        """How many records may be read."""
        return max(0, self.most_pending - (self.pending + self.handed - self.taken))

    def wait_for_room(self, seconds: float) -> bool:
        """The poller's: True once there is room, False if there is none in this time."""
        self._room.clear()
        if not self.full:
            return True
        self._room.wait(seconds)
        return not self.full
