"""Random histories of a bridge: records of a few partitions, and a Centrifugo that may fail at any step."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.commands import Command, Poison, Publish, Reason
from bridge.delivery.lanes import Batch, State
from bridge.delivery.work import Item, Partition, Sending, Stop, Work
from tests.bridge.made import POISON, publication, record
from tests.harness.examples import scaled

PARTITIONS = (Partition("diary", 0), Partition("diary", 1))
PARTITION = st.sampled_from(PARTITIONS)
STEPS = settings(max_examples=scaled(150), stateful_step_count=60)
REFUSED = Poison(Reason.REJECTED, "Centrifugo error 107")
STRICT, BURSTING = ("a", "b", "c"), ("fast",)
MOST_DEAD_LETTERS = 3
# A step that can end an assignment ends it in one of 25 draws, so that most assignments last.
CHANCE, RARE = st.integers(0, 24), 13


class Logged(NamedTuple):
    """A record in a partition's log: the commands and the failures that the mapper makes from it."""

    commands: tuple[Command, ...]
    failures: tuple[Poison, ...] = ()


@dataclass
class Log:
    """A partition at the broker. `read` is the next offset that its bridge reads."""

    records: list[Logged] = field(default_factory=list)
    committed: int = 0
    read: int = 0


class Applied(NamedTuple):
    """A command that Centrifugo has carried out for the first time."""

    key: str
    partition: Partition
    offset: int
    number: int


COMMAND = st.one_of(
    st.lists(st.sampled_from(STRICT), min_size=1, max_size=2, unique=True).map(lambda keys: publication(*keys)),
    st.sampled_from(BURSTING).map(lambda key: publication(key, burst=3)),
)
WELL = st.lists(COMMAND, min_size=1, max_size=3).map(lambda commands: Logged(tuple(commands)))
# Most records have commands and are not poison: a few poison records in a row stop a partition.
RECORD = st.one_of(
    *[WELL] * 6,
    st.just(Logged(())),
    st.lists(COMMAND, max_size=1).map(lambda commands: Logged(tuple(commands), (POISON,))),
)
RESULT = st.sampled_from(["done", "done", "done", "lost reply", "temporary", "permanent"])


class BridgeLife(RuleBasedStateMachine):
    """A consumer group of bridges. One bridge owns all partitions; `crash` replaces it with another."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Work(MOST_DEAD_LETTERS)
        self.logs = {partition: Log() for partition in PARTITIONS}
        self.flying: list[Batch[Command, Item]] = []
        self.letters: list[Item] = []
        self.applied: list[Applied] = []
        self.finished: set[tuple[Partition, int, int]] = set()
        self.refused: set[tuple[Partition, int, int]] = set()
        self.lettered: set[tuple[Partition, int]] = set()
        self.leaving: set[Partition] = set()
        self.now = 0.0

    @rule(partition=PARTITION, records=st.lists(RECORD, min_size=1, max_size=4))
    def produce(self, partition: Partition, records: list[Logged]) -> None:
        self.logs[partition].records += records
        self.poll(partition, len(records))

    def _assign(self, partition: Partition) -> None:
        if partition not in self.work.assignments:
            self.leaving.discard(partition)
            self.work.assign(partition)
            self.logs[partition].read = self.logs[partition].committed

    @rule(partition=PARTITION, most=st.integers(1, 4))
    def poll(self, partition: Partition, most: int) -> None:
        self._assign(partition)
        log = self.logs[partition]
        for _ in range(most):
            if log.read < len(log.records):
                self._receive(partition, log.read)
                log.read += 1
            else:
                self.work.reach_end(partition, log.read)

    def _receive(self, partition: Partition, offset: int) -> None:
        logged = self.logs[partition].records[offset]
        read = record(offset, topic=partition.topic, partition=partition.number)
        item = self.work.receive(partition, read, logged.commands, logged.failures)
        if item is not None:
            self._letter_if_due(item)

    def _letter_if_due(self, item: Item) -> None:
        if self.work.dead_letter_due(item):
            self.letters.append(item)

    @rule(most=st.integers(1, 5))
    def send(self, most: int) -> None:
        batch = self.work.take(most, 10_000)
        if batch.tasks:
            self.flying.append(batch)
        assert [task for task in batch.tasks if not self._is_to_be_sent(task.owner)] == []
        assert [task for task in batch.tasks if not _is_next(task)] == []

    def _is_to_be_sent(self, item: Item) -> bool:
        assignment = item.assignment
        ours = self.work.assignments.get(assignment.partition) is assignment
        return ours and assignment.partition not in self.leaving and not _is_behind(item, assignment.stopped)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 9), results=st.lists(RESULT, min_size=5, max_size=5))
    def answer(self, which: int, results: list[str]) -> None:
        batch = self.flying.pop(which % len(self.flying))
        for task, drawn in zip(batch.tasks, results, strict=False):
            result = self._result(_position(task.owner, task.owner.tasks.index(task)), drawn)
            if result in ("done", "lost reply"):
                self._apply(task.owner, task.owner.tasks.index(task), task.command)
            if result in ("temporary", "lost reply"):
                self.work.retry(task, self.now + 1)
                continue
            self.finished.add(_position(task.owner, task.owner.tasks.index(task)))
            if self.work.finished(task, REFUSED if result == "permanent" else None):
                self._letter_if_due(task.owner)

    def _result(self, position: tuple[Partition, int, int], drawn: str) -> str:
        """A command that Centrifugo has refused once is refused again, or fails temporarily."""
        if drawn == "permanent":
            self.refused.add(position)
        return "permanent" if position in self.refused and drawn != "temporary" else drawn

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 9))
    def answer_partly(self, which: int) -> None:
        """A command to several channels reaches only the first one. Other channels and commands fail temporarily."""
        for task in self.flying.pop(which % len(self.flying)).tasks:
            if isinstance(command := task.command, Publish) and len(command.channels) > 1:
                first, *others = command.channels
                self._apply(task.owner, task.owner.tasks.index(task), command.only([first]))
                self.work.lanes.narrow(task, command.only(others))
            self.work.retry(task, self.now + 1)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 9), arrived=st.booleans())
    def fail(self, which: int, arrived: bool) -> None:
        """The whole request fails. `arrived` says whether Centrifugo has carried it out."""
        batch = self.flying.pop(which % len(self.flying))
        for task in batch.tasks if arrived else ():
            self._apply(task.owner, task.owner.tasks.index(task), task.command)
        self.work.put_back(batch.tasks)

    def _apply(self, item: Item, number: int, command: Command) -> None:
        """Centrifugo carries out a command. It ignores a repeated publication, and a command that it has refused."""
        partition, offset, _ = position = _position(item, number)
        for key in command.keys if position not in self.refused else ():
            applied = Applied(key, partition, offset, number)
            if applied not in self.applied:
                self.applied.append(applied)

    @rule(seconds=st.integers(0, 2))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.work.lanes.wake(self.now)

    @precondition(lambda self: self.letters)
    @rule(which=st.integers(0, 9))
    def deliver_letter(self, which: int) -> None:
        item = self.letters.pop(which % len(self.letters))
        self.lettered.add((item.assignment.partition, item.offset))
        self.work.dead_letter_delivered(item)

    @rule(partition=PARTITION, accepted=st.booleans())
    def commit(self, partition: Partition, accepted: bool) -> None:
        assignment = self.work.assignments.get(partition)
        if assignment is None or assignment.ledger.uncommitted is None or not accepted:
            return
        self.logs[partition].committed = assignment.ledger.uncommitted
        assignment.ledger.confirm(assignment.ledger.uncommitted)

    @rule(partition=PARTITION, chance=CHANCE)
    def let_go(self, partition: Partition, chance: int) -> None:
        if chance == RARE:
            self.work.let_go(partition)
            self.leaving.add(partition)

    @rule(partition=PARTITION, lost=st.booleans(), chance=CHANCE)
    def revoke(self, partition: Partition, lost: bool, chance: int) -> None:
        if chance != RARE and partition not in self.leaving:
            return
        self.work.let_go(partition)
        offset = self.work.fence(partition)
        if offset is not None and not lost:
            self.logs[partition].committed = offset

    @rule(chance=CHANCE)
    def crash(self, chance: int) -> None:
        if chance == RARE:
            self._crash()

    def _crash(self) -> None:
        """The bridge is killed: commands in flight still arrive, and the answers are lost."""
        for batch in self.flying:
            for task in batch.tasks:
                self._apply(task.owner, task.owner.tasks.index(task), task.command)
        self.work, self.flying, self.letters = Work(MOST_DEAD_LETTERS), [], []

    @invariant()
    def nothing_is_committed_past_an_unfinished_record(self) -> None:
        for partition, log in self.logs.items():
            assert all(self._is_done(partition, offset) for offset in range(log.committed))

    def _is_done(self, partition: Partition, offset: int) -> bool:
        logged = self.logs[partition].records[offset]
        done = all((partition, offset, number) in self.finished for number in range(len(logged.commands)))
        return done and (not logged.failures or (partition, offset) in self.lettered)

    @invariant()
    def two_requests_in_flight_never_have_commands_of_the_same_key(self) -> None:
        each = [{key for task in batch.tasks for key in task.command.keys} for batch in self.flying]
        assert [key for key, requests in Counter(key for keys in each for key in keys).items() if requests > 1] == []

    @invariant()
    def a_request_has_several_commands_of_a_key_only_in_a_burst_and_is_then_ordered(self) -> None:
        for batch in self.flying:
            keys = [key for task in batch.tasks for key in task.command.keys]
            assert {key for key, number in Counter(keys).items() if number > 1} <= set(BURSTING)
            assert batch.ordered or len(keys) == len(set(keys))

    @invariant()
    def the_commands_of_a_key_are_applied_in_the_order_of_their_records(self) -> None:
        for key in STRICT:
            for partition in PARTITIONS:
                seen = [each[2:] for each in self.applied if each[:2] == (key, partition)]
                assert seen == sorted(seen)

    @invariant()
    def the_commands_of_a_record_are_done_one_after_another(self) -> None:
        for position in {(each.partition, each.offset) for each in self.applied}:
            numbers = [each.number for each in self.applied if each[1:3] == position]
            assert numbers == sorted(numbers)

    @invariant()
    def pending_records_are_counted(self) -> None:
        ledgers = [assignment.ledger for assignment in self.work.assignments.values()]
        items = [item for ledger in ledgers for item in ledger.open_entries()]
        assert self.work.pending == len(items)
        assert self.work.pending_bytes == sum(item.size for item in items)

    @invariant()
    def a_key_is_forgotten_after_its_last_command(self) -> None:
        ledgers = [assignment.ledger for assignment in self.work.assignments.values()]
        tasks = [task for ledger in ledgers for item in ledger.open_entries() for task in item.tasks]
        tasks += [task for batch in self.flying for task in batch.tasks]
        assert len(self.work.lanes) == len(
            {key for task in tasks if task.state is not State.GONE for key in task.command.keys}
        )

    def teardown(self) -> None:
        """Now everything works. Every record must be committed, except in a partition that has stopped."""
        self._crash()
        stopped: set[Partition] = set()
        for partition, log in self.logs.items():
            self.poll(partition, len(log.records) + 1)
        while batch := self.work.take(10, 10_000).tasks or self.letters:
            self._finish(batch)
        for partition, assignment in self.work.assignments.items():
            stopped |= {partition} if assignment.stopped else set()
            self.commit(partition, accepted=True)
        self.nothing_is_committed_past_an_unfinished_record()
        for partition, log in self.logs.items():
            assert partition in stopped or log.committed == len(log.records)
        assert stopped or len(self.work.lanes) == self.work.pending == self.work.pending_bytes == 0

    def _finish(self, batch: object) -> None:
        if batch is self.letters:
            self.deliver_letter(0)
            return
        assert isinstance(batch, list)
        self.flying.append(Batch(batch, ordered=False))
        self.answer(len(self.flying) - 1, ["done"] * len(batch))


def _position(item: Item, number: int) -> tuple[Partition, int, int]:
    return item.assignment.partition, item.offset, number


def _is_behind(item: Item, stop: Stop | None) -> bool:
    return stop is not None and item.offset > stop.offset


def _is_next(task: Sending) -> bool:
    """True if every earlier command of the same record is finished."""
    earlier = task.owner.tasks[: task.owner.tasks.index(task)]
    return all(each.state is State.GONE for each in earlier)


TestBridgeLife = BridgeLife.TestCase
TestBridgeLife.settings = STEPS
