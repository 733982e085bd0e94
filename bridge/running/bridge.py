"""The event loop's side of the bridge: maps the poller's records, and tells the poller which offsets to commit."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.commands import DEAD_LETTER, DONE, Mapped, Outcome, Poison, Reason, Record, Skip
from bridge.delivery.work import Assignment, Item, Partition, Work
from bridge.kafka.gate import Gate
from bridge.kafka.reading import EndOfPartition, Read
from bridge.running.metrics import Metrics
from bridge.running.reachability import Reachability, Unserved
from bridge.running.tracebacks import without_text

logger = logging.getLogger("bridge")


class ReceivingFailed(Exception):
    """A bug: `Bridge.received` failed for some records. They are not committed: the next process reads them again."""


class Mapper(Protocol):
    """Maps a record to its outcome."""

    def outcome(self, record: Record, now_ms: int) -> Outcome:
        """The commands and failures, or the reason to skip the record."""


class Sends(Protocol):
    """Sends ready commands."""

    def pump(self) -> None:
        """Send all commands that may be sent. Called when commands may have become ready."""


class Writes(Protocol):
    """Writes dead letters."""

    @property
    def undelivered(self) -> int:
        """The number of dead letters that Kafka did not accept, and that will be tried again."""

    def write(self, item: Item) -> None:
        """Begin to write the dead letter of this record."""


@dataclass(frozen=True)
class StoppedPartition:
    """A partition that is stopped until the bridge restarts or a rebalance moves the partition."""

    partition: Partition
    offset: int
    reason: str


class Bridge:
    """The poller's `Owner`, in the event loop. `sender` and `letters` are set before the poller starts.

    `window` is the maximum number of records of a partition, from the first unfinished record to the last record read.
    `clock` is Unix time in seconds. `label` returns the metric label of a topic.
    """

    sender: Sends
    letters: Writes

    def __init__(
        self,
        *,
        work: Work,
        gate: Gate,
        mapper: Mapper,
        metrics: Metrics,
        window: int,
        drain_s: float,
        label: Callable[[str], str],
        clock: Callable[[], float],
    ) -> None:
        self.work = work
        self.kafka = Reachability()
        self.unserved = Unserved()
        self.ever_assigned = False
        self.dead_letters = 0
        self.ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self._gate = gate
        self._mapper = mapper
        self._metrics = metrics
        self._window = window
        self._drain_s = drain_s
        self._label = label
        self._clock = clock
        self._over_window: set[Partition] = set()
        self._changed = asyncio.Event()

    def received(self, messages: Sequence[Read], size: int) -> None:
        """Map records and queue their commands. Records and ends of partitions come in order.

        `size` is the total size of the records in bytes, as the poller counted it. After an internal error, nothing
        more is received, because a commit of later records would skip the failed records.
        """
        if self.ended.done():
            return
        try:
            self._receive_all(messages, size)
        except Exception as error:
            logger.error("receiving failed with an internal error; the bridge exits", extra=without_text(error))
            self.ended.set_result(ReceivingFailed())
        self.changed()
        self.sender.pump()

    def _receive_all(self, messages: Sequence[Read], size: int) -> None:
        self.kafka.answered()
        now_ms = int(self._clock() * 1000)
        for message in messages:
            if isinstance(message, EndOfPartition):
                self.work.reach_end(message.partition, message.offset)
            else:
                self._receive(message, now_ms)
        # Count these records as taken only after mapping. Until then, the gate counts them as in transit.
        self._gate.taken += len(messages)
        self._gate.taken_bytes += size

    def _receive(self, record: Record, now_ms: int) -> None:
        partition = Partition(record.topic, record.partition)
        outcome = self._outcome(record, now_ms)
        if isinstance(outcome, Skip):
            if self.work.receive(partition, record) is not None:
                self._metrics.record_ended(self._label(record.topic), outcome.reason)
            return
        item = self.work.receive(partition, record, outcome.commands, outcome.failures)
        if item is not None and not outcome.commands:
            self.finished(item)

    def _outcome(self, record: Record, now_ms: int) -> Outcome:
        try:
            return self._mapper.outcome(record, now_ms)
        except Exception as error:
            logger.error("mapping failed with an internal error", extra=without_text(error))
            return Mapped((), (Poison(Reason.INTERNAL_ERROR, type(error).__name__),))

    def finished(self, item: Item) -> None:
        """Handle a record whose commands have finished: it is done, needs a dead letter, or stops its partition."""
        if item.done:
            self._metrics.record_ended(self._label(item.record.topic), DONE)
        elif self.work.dead_letter_due(item):
            self.letters.write(item)
        elif item.assignment.stopped is not None and item.assignment.stopped.offset == item.offset:
            self._log_stopped(item.assignment, item)

    def _log_stopped(self, assignment: Assignment, item: Item) -> None:
        topic, number = assignment.partition
        self._metrics.stopped.labels(self._label(topic), str(number)).set(1)
        logger.error(
            "partition stopped: correct the cause and restart the bridge",
            extra={
                "topic": topic,
                "partition": number,
                "offset": item.offset,
                "reason": assignment.stopped.reason if assignment.stopped else "",
                "dead_letter_reason": str(item.failures[0].reason),
            },
        )

    def delivered(self, item: Item) -> None:
        """Finish a record: Kafka has confirmed its dead letter."""
        if self.work.dead_letter_delivered(item):
            self.dead_letters += 1
            label = self._label(item.record.topic)
            self._metrics.dead_letters.labels(label, item.failures[0].reason).inc()
            self._metrics.record_ended(label, DEAD_LETTER)
        self.changed()

    def changed(self) -> None:
        """Tell the poller how much is pending, and which partitions it must not read.

        A record that stops its partition is not counted: it would take room from the other partitions.
        """
        pending = pending_bytes = 0
        held: set[Partition] = set()
        for partition, assignment in self.work.assignments.items():
            pending += assignment.ledger.pending
            pending_bytes += assignment.ledger.pending_bytes
            if assignment.stopped is not None:
                pending -= 1
                pending_bytes -= assignment.stopped.size
            if assignment.stopped is not None or self._is_over_window(partition, assignment.ledger.window):
                held.add(partition)
        if held != self._gate.held:
            self._gate.held = frozenset(held)
        self._gate.update(pending, pending_bytes)
        self._changed.set()

    def _is_over_window(self, partition: Partition, window: int) -> bool:
        """True after the window has become full, until half of it is free."""
        if window >= self._window:
            self._over_window.add(partition)
        elif window <= self._window // 2:
            self._over_window.discard(partition)
        return partition in self._over_window

    def offer_commits(self) -> None:
        """Tell the poller which offsets to commit."""
        offers = {partition: each.ledger.uncommitted for partition, each in self.work.assignments.items()}
        self._gate.commits = {partition: offset for partition, offset in offers.items() if offset is not None}

    def assigned(self, partitions: Sequence[Partition]) -> None:
        """Take over the partitions."""
        self.kafka.answered()
        self.ever_assigned = True
        for partition in partitions:
            self.work.assign(partition)
        self._update_series(partitions)
        self._metrics.rebalances.labels("assigned").inc(len(partitions))
        logger.info(
            "partitions assigned", extra={"partitions": len(partitions), "assigned": len(self.work.assignments)}
        )
        self.changed()

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool) -> Mapping[Partition, int]:
        """Forget the partitions. Returns the offsets to commit.

        If `lost` is false, first waits for the commands and dead letters in flight, at most `drain_s` seconds.
        """
        began = self._clock()
        for partition in partitions:
            self.work.let_go(partition)
        if not lost:
            await self._drain(partitions)
        left = sum(self.work.assignments[each].ledger.pending for each in partitions if each in self.work.assignments)
        offsets = {partition: self.work.fence(partition) for partition in partitions}
        for partition in partitions:
            self._over_window.discard(partition)
        self._update_series(partitions)
        self.offer_commits()
        self.changed()
        self._metrics.rebalances.labels("lost" if lost else "revoked").inc(len(partitions))
        took = {"seconds": round(self._clock() - began, 3), "left": left, "lost": lost}
        logger.info("partitions revoked", extra={"partitions": len(partitions), **took})
        return {partition: offset for partition, offset in offsets.items() if offset is not None}

    def _update_series(self, partitions: Sequence[Partition]) -> None:
        """Set the gauge of stopped partitions, and remove the series of partitions that are no longer assigned.

        The topics of a pattern share series. A series stays while one of its partitions is assigned. Its value is 1
        while one of its partitions is stopped.
        """
        stopped: dict[tuple[str, int], bool] = {}
        for (topic, number), assignment in self.work.assignments.items():
            series = self._label(topic), number
            stopped[series] = stopped.get(series, False) or assignment.stopped is not None
        for partition in partitions:
            label = self._label(partition.topic)
            is_stopped = stopped.get((label, partition.number))
            if is_stopped is None:
                self._metrics.forget_partition(label, partition)
            else:
                self._metrics.stopped.labels(label, str(partition.number)).set(is_stopped)

    async def _drain(self, partitions: Sequence[Partition]) -> None:
        try:
            async with asyncio.timeout(self._drain_s):
                while any(self.work.in_flight(partition) for partition in partitions):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            logger.warning(
                "a partition was revoked while commands or dead letters were in flight; the next owner repeats them"
            )

    def committed(self, offsets: Mapping[Partition, int], *, failed: int) -> None:
        """Note the accepted commits. `failed` is the number of failed commits, which will be repeated."""
        for partition, offset in offsets.items():
            if assignment := self.work.assignments.get(partition):
                assignment.ledger.confirm(offset)
        if offsets:
            self.kafka.answered()
        self._metrics.commits.labels("ok").inc(len(offsets))
        self._metrics.commits.labels("failed").inc(failed)

    def kafka_failed(self, reason: str) -> None:
        """Note that Kafka cannot be reached, or refuses our credentials."""
        self.kafka.failed(reason)

    def poller_ended(self, error: BaseException | None) -> None:
        """Note that the poller's thread has ended."""
        if not self.ended.done():
            self.ended.set_result(error)

    def stopped(self) -> list[StoppedPartition]:
        """The stopped partitions."""
        return [
            StoppedPartition(partition, each.stopped.offset, each.stopped.reason)
            for partition, each in self.work.assignments.items()
            if each.stopped is not None
        ]
