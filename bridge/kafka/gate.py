"""State shared by the poller's thread and the event loop. Only one side writes each attribute.

CPython reads and writes a single attribute atomically, so no lock is needed.
"""

import threading
from dataclasses import dataclass, field

from bridge.delivery.work import Partition


@dataclass
class Gate:
    """Limits how far the bridge reads ahead, and holds the offsets to commit.

    The event loop writes:
    - `pending` and `pending_bytes`: number and size of its unfinished records, without those that stop a partition;
    - `taken` and `taken_bytes`: how many records and ends of partitions it has received since startup, and their size;
    - `held`: partitions that must not be read for now;
    - `commits`: the next offset to commit for each partition.

    The poller writes:
    - `handed` and `handed_bytes`: how many records and ends of partitions it has handed over since startup, and their
      size; `handed - taken` of them are in transit;
    - `paused`: true while reading is paused because a limit is reached;
    - `turned_at`: when the latest iteration of its loop began, in monotonic seconds.
    """

    most_pending: int
    most_bytes: int
    pending: int = 0
    pending_bytes: int = 0
    taken: int = 0
    taken_bytes: int = 0
    held: frozenset[Partition] = frozenset()
    commits: dict[Partition, int] = field(default_factory=dict)
    handed: int = 0
    handed_bytes: int = 0
    paused: bool = False
    turned_at: float = 0.0
    _room: threading.Event = field(default_factory=threading.Event)

    def update(self, pending: int, pending_bytes: int) -> None:
        """Called by the event loop: set both pending amounts. Wakes the poller if there is room."""
        self.pending, self.pending_bytes = pending, pending_bytes
        if not self.full and not self._room.is_set():
            self._room.set()

    @property
    def full(self) -> bool:
        """True if no more may be read."""
        return self._records >= self.most_pending or self._bytes >= self.most_bytes

    @property
    def _records(self) -> int:
        """Pending records and those in transit."""
        return self.pending + self.handed - self.taken

    @property
    def _bytes(self) -> int:
        return self.pending_bytes + self.handed_bytes - self.taken_bytes

    @property
    def has_ample_room(self) -> bool:
        """True if reading may resume after a pause: half of the capacity is free."""
        return self._records <= self.most_pending // 2 and self._bytes <= self.most_bytes // 2

    @property
    def room(self) -> int:
        """How many more records fit into `most_pending`."""
        return max(0, self.most_pending - self._records)

    def wait_for_room(self, seconds: float) -> bool:
        """Called by the poller: wait up to this time for room. False if there is still no room."""
        self._room.clear()
        if not self.full:
            return True
        self._room.wait(seconds)
        return not self.full
