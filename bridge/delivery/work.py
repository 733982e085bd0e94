"""All unfinished records: a ledger for each partition, and a queue (lane) for each key. Pure.

A record is done when all its commands have finished. If a command failed permanently or the record could not be mapped,
a dead letter for the record must be delivered too.
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
    """A partition is stopped at the record with this offset until the assignment ends. `size` is the record's size."""

    offset: int
    reason: str
    size: int


Sending: TypeAlias = Task[Command, "Item"]

NO_DEAD_LETTER_TOPIC: Final = "no_dead_letter_topic"
TOO_MANY_DEAD_LETTERS: Final = "too_many_dead_letters"
COMMAND_BYTES: Final = 1024  # measured: the memory of a command and its queue entries, without its JSON


@dataclass(slots=True, eq=False)
class Item(Entry):
    """A record in delivery. `failures` are in order of occurrence."""

    assignment: "Assignment"
    record: Record
    tasks: list["Sending"] = field(default_factory=list)
    failures: list[Poison] = field(default_factory=list)
    attempts: int = 0


@dataclass(eq=False)
class Assignment:
    """An assigned partition. `dead_letters` counts consecutive dead letters. While `closing`, nothing new is sent."""

    partition: Partition
    ledger: PartitionLedger[Item] = field(default_factory=PartitionLedger)
    stopped: Stop | None = None
    closing: bool = False
    dead_letters: int = 0


class Work:
    """Receives records, hands out requests, notes their results, and decides which offsets may be committed.

    At most `most_dead_letters` consecutive dead letters are written for a partition. The next failed record stops the
    partition. 0 = no limit. None = there is no dead-letter topic, so the first failed record stops the partition.
    The count starts again when all commands of a record succeed, and with a new assignment. A skipped record does not
    change the count.
    """

    def __init__(self, most_dead_letters: int | None) -> None:
        self._most_dead_letters = most_dead_letters
        self.lanes: Lanes[Command, Item] = Lanes()
        self.assignments: dict[Partition, Assignment] = {}

    def assign(self, partition: Partition) -> None:
        """Begin an assignment of the partition. An earlier assignment of the partition is ended first."""
        self.fence(partition)
        self.assignments[partition] = Assignment(partition)

    def receive(
        self,
        partition: Partition,
        record: Record,
        commands: Sequence[Command] = (),
        failures: Iterable[Poison] = (),
    ) -> Item | None:
        """Add a record after mapping. None if the partition is not assigned, is stopped or is being revoked.

        A record without commands and failures is done at once. If a record has only failures, call `dead_letter_due`
        next.
        """
        assignment = self.assignments.get(partition)
        if assignment is None or assignment.closing or assignment.stopped is not None:
            return None
        item = Item(
            record.offset, record.timestamp, size_of(record, commands), len(commands), False, assignment, record
        )
        item.failures.extend(failures)
        assignment.ledger.receive(item)
        item.tasks = self.lanes.add(commands, item)
        if not commands:
            self._commands_finished(item)
        return item

    def reach_end(self, partition: Partition, offset: int) -> None:
        """Note that every record before `offset` was read. `offset` is the end of the partition."""
        assignment = self.assignments.get(partition)
        if assignment is not None and not assignment.closing and assignment.stopped is None:
            assignment.ledger.reach_end(offset)

    def take(self, most: int, most_bytes: int) -> Batch[Command, Item]:
        """The next request."""
        return self.lanes.take(most, most_bytes)

    def finished(self, task: Sending, failure: Poison | None = None) -> bool:
        """Note that a command in flight has succeeded, or that it has failed permanently (`failure`).

        True if all commands of its record have now finished. False while others are unfinished. Also False if the
        record no longer matters: its assignment has ended, or its partition is stopped at an earlier record.
        """
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
        item.tasks = []  # breaks a reference cycle that only the garbage collector would free

    def dead_letter_due(self, item: Item) -> bool:
        """True if a dead letter for this record must be written now. The letter is then counted.

        False if commands of the record are unfinished, or if the record needs no letter or stops its partition instead.
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
        """Mark a record as done: Kafka has its dead letter.

        False if the record was already done, or if its assignment has ended.
        """
        if item.done or item.assignment.ledger.fenced:
            return False
        self._settle(item)
        return True

    def _stop(self, item: Item, reason: str) -> None:
        item.assignment.stopped = Stop(item.offset, reason, item.size)
        item.tasks = []  # its commands have finished; the record itself stays unfinished
        for later in item.assignment.ledger.forget_after(item):
            self.lanes.let_go(later.tasks)

    def retry(self, task: Sending, until: float) -> None:
        """Note that a command failed temporarily. If it may still be sent (`is_ours`), retry it at `until` or later."""
        if self.is_ours(task):
            self.lanes.failed(task, until)
        else:
            self.lanes.done(task)

    def put_back(self, tasks: Sequence[Sending]) -> None:
        """Note that a request failed. Its commands are sent again next, if they may still be sent (`is_ours`)."""
        for task in tasks:
            if not self.is_ours(task):
                self.lanes.done(task)
        self.lanes.put_back(task for task in tasks if task.state is State.IN_FLIGHT)

    def is_ours(self, task: Sending) -> bool:
        """True if the command may still be sent.

        False if its assignment has ended or is being revoked, or if its partition is stopped at an earlier record.
        """
        item = task.owner
        return not (item.done or item.assignment.closing or item.assignment.ledger.fenced)

    def let_go(self, partition: Partition) -> None:
        """Send no more commands of a partition that is being revoked."""
        assignment = self.assignments.get(partition)
        if assignment is not None:
            assignment.closing = True
            self._let_go_of(assignment)

    def in_flight(self, partition: Partition) -> bool:
        """True while commands or dead letters of the partition are in flight."""
        assignment = self.assignments.get(partition)
        return assignment is not None and any(_in_flight(item) for item in assignment.ledger.open_entries())

    def fence(self, partition: Partition) -> int | None:
        """End the assignment of the partition. Returns the offset to commit; None if there is none."""
        assignment = self.assignments.pop(partition, None)
        if assignment is None:
            return None
        self._let_go_of(assignment)
        offset = assignment.ledger.uncommitted
        assignment.ledger.fence()
        return offset

    def _let_go_of(self, assignment: Assignment) -> None:
        """Remove all commands of the assignment that are not in flight."""
        for item in assignment.ledger.open_entries():
            self.lanes.let_go(item.tasks)

    @property
    def pending(self) -> int:
        """The number of unfinished records."""
        return sum(assignment.ledger.pending for assignment in self.assignments.values())

    @property
    def pending_bytes(self) -> int:
        """The total size of the unfinished records and their commands in bytes."""
        return sum(assignment.ledger.pending_bytes for assignment in self.assignments.values())


def size_of(record: Record, commands: Iterable[Command] = ()) -> int:
    """About how much memory an unfinished record and its commands take, in bytes."""
    size = len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    for command in commands:
        size += COMMAND_BYTES + len(command.encoded)
    return size


def _in_flight(item: Item) -> bool:
    stop = item.assignment.stopped
    letter = bool(item.failures) and not item.unfinished and (stop is None or stop.offset != item.offset)
    return letter or any(task.state is State.IN_FLIGHT for task in item.tasks)
