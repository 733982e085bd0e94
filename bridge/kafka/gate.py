"""State shared by the poller's thread and the event loop. Only one side writes each attribute.

CPython reads and writes a single attribute atomically, so no lock is needed.
"""

import threading
from dataclasses import dataclass, field

from bridge.delivery.work import Partition


@dataclass
class Gate:
    """Limits how far the bridge reads ahead, and holds the offsets to commit.

    The loop writes `pending`, `pending_bytes`, `held` (partitions that must not be read) and `commits`. `handed` counts
    the records that the poller has handed over, `taken` those that the loop has received; the difference is in transit.
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
        """Called by the loop: set the pending amounts."""
        self.pending, self.pending_bytes = pending, pending_bytes
        if not self.full and not self._room.is_set():
            self._room.set()

    @property
    def full(self) -> bool:
        """True if no more may be read."""
        return self.pending + self.handed - self.taken >= self.most_pending or self.pending_bytes >= self.most_bytes

    @property
    def has_ample_room(self) -> bool:
        """True if reading may resume after a pause: half of the capacity is free."""
        under = self.pending + self.handed - self.taken <= self.most_pending // 2
        return under and self.pending_bytes <= self.most_bytes // 2

    @property
    def room(self) -> int:
        """The number of records that may be read."""
        return max(0, self.most_pending - (self.pending + self.handed - self.taken))

    def wait_for_room(self, seconds: float) -> bool:
        """Called by the poller: True once there is room, False if there is none within this time."""
        self._room.clear()
        if not self.full:
            return True
        self._room.wait(seconds)
        return not self.full
