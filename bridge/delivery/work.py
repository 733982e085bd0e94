"""All records that were read and are not done: the ledgers of the partitions and the lanes of the keys. Pure.

A record is done when all its commands are done and, if one of them failed for good or the record could not be
mapped, its dead letter was delivered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from bridge.commands import Command, Poison, Record
from bridge.delivery.lanes import Batch, Lanes, State, Task
from bridge.delivery.ledger import Entry, PartitionLedger


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class Stop(NamedTuple):
    """Where a partition is stopped until the bridge is restarted, and why."""

    offset: int
    reason: str


Sending: TypeAlias = Task[Command, "Item"]

NO_DEAD_LETTER_TOPIC: Final = "no_dead_letter_topic"
TOO_MANY_DEAD_LETTERS: Final = "too_many_dead_letters"


@dataclass(slots=True, eq=False)
class Item(Entry):
    """A record on its way. `failures` are in the order in which they showed."""

    assignment: "Assignment"
    record: Record
    tasks: list["Sending"] = field(default_factory=list)
    failures: list[Poison] = field(default_factory=list)
    attempts: int = 0


@dataclass(eq=False)
class Assignment:
    """A partition while it is ours. `dead_letters` counts those in a row; `closing`: no new records, no retries."""

    partition: Partition
    ledger: PartitionLedger[Item] = field(default_factory=PartitionLedger)
    stopped: Stop | None = None
    closing: bool = False
    dead_letters: int = 0


class Work:
    """Receives records, gives requests, hears how they ended, and knows what may be committed.

    `most_dead_letters` in a row in one partition are written, the next stops it; 0: no limit, None: the first
    stops it, as there is no topic for them.
    """

    def __init__(self, most_dead_letters: int | None) -> None:
        self._most_dead_letters = most_dead_letters
        self.lanes: Lanes[Command, Item] = Lanes()
        self.assignments: dict[Partition, Assignment] = {}

    def assign(self, partition: Partition) -> None:
        """The partition is ours from now on. Nothing of an earlier assignment counts."""
        self.fence(partition)
        self.assignments[partition] = Assignment(partition)

    def receive(
        self,
        partition: Partition,
        record: Record,
        commands: Sequence[Command] = (),
        failures: Iterable[Poison] = (),
    ) -> Item | None:
        """A record was read and mapped; None if the partition is not ours, or is stopped.

        A record without commands and failures is done at once. Ask `dead_letter_due` next.
        """
        assignment = self.assignments.get(partition)
        if assignment is None or assignment.closing or assignment.stopped is not None:
            return None
        item = Item(record.offset, record.timestamp, size_of(record), len(commands), False, assignment, record)
        item.failures.extend(failures)
        assignment.ledger.receive(item)
        item.tasks = self.lanes.add(commands, item)
        if not commands:
            self._commands_finished(item)
        return item

    def reach_end(self, partition: Partition, offset: int) -> None:
        """Every record before `offset`, the end of the partition, was read."""
        assignment = self.assignments.get(partition)
        if assignment is not None and not assignment.closing and assignment.stopped is None:
            assignment.ledger.reach_end(offset)

    def take(self, most: int, most_bytes: int) -> Batch[Command, Item]:
        """The next request."""
        return self.lanes.take(most, most_bytes)

    def finished(self, task: Sending, failure: Poison | None = None) -> bool:
        """A command in flight is done, or failed for good. True if it was the last of its record."""
        self.lanes.done(task)
        item = task.owner
        if item.done or item.assignment.ledger.fenced:
            return False
        item.attempts = max(item.attempts, task.attempts)
        if failure is not None:
            item.failures.append(failure)
        item.unfinished -= 1
        if item.unfinished:
            return False
        self._commands_finished(item)
        return True

    def _commands_finished(self, item: Item) -> None:
        if not item.failures:
            if item.tasks:
                item.assignment.dead_letters = 0
            self._settle(item)

    def _settle(self, item: Item) -> None:
        item.assignment.ledger.settle(item)
        item.tasks = []  # they refer to the item: without this, only the collector would free both

    def dead_letter_due(self, item: Item) -> bool:
        """True if a record whose commands are finished must be written to the dead letters now.

        False if it need not, or if it stops its partition instead.
        """
        assignment = item.assignment
        if item.done or not item.failures or item.unfinished or assignment.ledger.fenced:
            return False
        if self._most_dead_letters is None:
            self._stop(item, NO_DEAD_LETTER_TOPIC)
            return False
        if 0 < self._most_dead_letters <= assignment.dead_letters:
            self._stop(item, TOO_MANY_DEAD_LETTERS)
            return False
        assignment.dead_letters += 1
        return True

    def dead_letter_delivered(self, item: Item) -> bool:
        """Kafka has the dead letter: the record is done. False if that no longer matters."""
        if item.done or item.assignment.ledger.fenced:
            return False
        self._settle(item)
        return True

    def _stop(self, item: Item, reason: str) -> None:
        item.assignment.stopped = Stop(item.offset, reason)
        for later in item.assignment.ledger.forget_after(item):
            self.lanes.let_go(later.tasks)

    def retry(self, task: Sending, until: float) -> None:
        """A command in flight failed for the moment: again, not before `until`, if it is still ours to send."""
        if self._is_ours(task):
            self.lanes.failed(task, until)
        else:
            self.lanes.done(task)

    def put_back(self, tasks: Sequence[Sending]) -> None:
        """A whole request failed: its commands are the next to be sent, if they are still ours to send."""
        for task in tasks:
            if not self._is_ours(task):
                self.lanes.done(task)
        self.lanes.put_back(task for task in tasks if task.state is State.IN_FLIGHT)

    def _is_ours(self, task: Sending) -> bool:
        item = task.owner
        return not (item.done or item.assignment.closing or item.assignment.ledger.fenced)

    def let_go(self, partition: Partition) -> None:
        """The partition will be another's: nothing of it is sent from now on."""
        assignment = self.assignments.get(partition)
        if assignment is not None:
            assignment.closing = True
            self._let_go_of(assignment)

    def in_flight(self, partition: Partition) -> bool:
        """True while commands or dead letters of the partition are on their way."""
        assignment = self.assignments.get(partition)
        return assignment is not None and any(_in_flight(item) for item in assignment.ledger.open_entries())

    def fence(self, partition: Partition) -> int | None:
        """The partition is no longer ours. The offset to commit, None if there is nothing to commit."""
        assignment = self.assignments.pop(partition, None)
        if assignment is None:
            return None
        self._let_go_of(assignment)
        offset = assignment.ledger.uncommitted
        assignment.ledger.fence()
        return offset

    def _let_go_of(self, assignment: Assignment) -> None:
        """Forget what is not in flight."""
        for item in assignment.ledger.open_entries():
            self.lanes.let_go(item.tasks)

    @property
    def pending(self) -> int:
        """Records that were read and are not done."""
        return sum(assignment.ledger.pending for assignment in self.assignments.values())

    @property
    def pending_bytes(self) -> int:
        """The size of these records."""
        return sum(assignment.ledger.pending_bytes for assignment in self.assignments.values())


def size_of(record: Record) -> int:
    """The bytes that a record takes while it is not done, headers and bookkeeping left out."""
    return len(record.key or b"") + len(record.value or b"")


def _in_flight(item: Item) -> bool:
    letter = bool(item.failures) and not item.unfinished
    return letter or any(task.state is State.IN_FLIGHT for task in item.tasks)
