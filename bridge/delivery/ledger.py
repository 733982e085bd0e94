"""Tracks which records of a partition are done, and which offset may be committed. Pure: no clock, no I/O.

Records are kept in order of receipt. A difference of offsets is not a number of records: compaction and transaction
markers leave gaps.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(slots=True, eq=False)
class Entry:
    """A record that was read.

    `timestamp_ms` is Kafka's; `size` is in bytes; `unfinished` is the number of its unfinished commands.
    """

    offset: int
    timestamp_ms: int
    size: int
    unfinished: int
    done: bool


E = TypeVar("E", bound=Entry)


class PartitionLedger(Generic[E]):
    """The records of one assignment of a partition. A later assignment gets a new ledger."""

    def __init__(self) -> None:
        self.fenced = False
        self.pending = 0
        self.pending_bytes = 0
        self._entries: deque[E] = deque()
        self._next: int | None = None
        self._end: int | None = None
        self._confirmed: int | None = None

    def receive(self, entry: E) -> None:
        """Add a record that was read."""
        self._entries.append(entry)
        self._end = None
        self.pending += 1
        self.pending_bytes += entry.size

    def settle(self, entry: E) -> None:
        """Mark the record as done."""
        entry.done = True
        self.pending -= 1
        self.pending_bytes -= entry.size
        self._advance()

    def reach_end(self, offset: int) -> None:
        """Note that all offsets before `offset` were read, including those without a record (transaction markers)."""
        self._end = offset
        self._advance()

    def _advance(self) -> None:
        while self._entries and self._entries[0].done:
            self._next = self._entries.popleft().offset + 1
        if not self._entries and self._end:
            self._next = self._end

    @property
    def committable(self) -> int | None:
        """The offset before which every record is done; None while it is unknown."""
        return self._next

    @property
    def first_unfinished(self) -> int | None:
        """`committable`, or the offset of the first record while no record is done. None before anything is read."""
        if self._next is None and self._entries:
            return self._entries[0].offset
        return self._next

    @property
    def uncommitted(self) -> int | None:
        """The offset to commit; None if it is unknown, or if the broker has confirmed it already."""
        return None if self._next == self._confirmed else self._next

    def confirm(self, offset: int) -> None:
        """Note that the broker has accepted a commit of this offset."""
        self._confirmed = offset

    @property
    def window(self) -> int:
        """The number of records in the ledger: the first unfinished record and all records after it, done or not."""
        return len(self._entries)

    @property
    def oldest(self) -> E | None:
        """The first unfinished record; None if there is none."""
        return self._entries[0] if self._entries else None

    def open_entries(self) -> Iterator[E]:
        """The unfinished records, in order of receipt."""
        return (entry for entry in self._entries if not entry.done)

    def forget_after(self, entry: E) -> list[E]:
        """Forget all records that were received after this one. Returns the unfinished records among them."""
        forgotten: list[E] = []
        while self._entries[-1] is not entry:
            later = self._entries.pop()
            if not later.done:
                later.done = True
                self.pending -= 1
                self.pending_bytes -= later.size
                forgotten.append(later)
        self._end = None
        return forgotten

    def fence(self) -> None:
        """End the assignment, and forget its records. After this, callers must not change the ledger."""
        self.fenced = True
        self._entries.clear()
        self.pending = self.pending_bytes = 0
