"""The thread that owns the consumer. Only this thread polls, commits, pauses and answers rebalances.

While this thread polls, a call on the consumer from another thread blocks. Therefore the event loop never calls the
consumer; it only processes the records (see `Owner`). The event loop also never waits for this thread, so a deadlock is
impossible.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaRefused
from bridge.kafka.gate import Gate
from bridge.kafka.messages import record_of, topic_partitions, with_offsets
from bridge.kafka.reading import EndOfPartition, Read, bytes_of

POLL_S: Final = 0.05
ROOM_S: Final = 0.3
AT_ONCE: Final = 500
ANSWER_S: Final = 30.0
HOPELESS: Final = frozenset(
    {
        KafkaError._FATAL,  # the consumer never reads again
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.INVALID_SESSION_TIMEOUT,
        KafkaError.INVALID_GROUP_ID,
        KafkaError.UNSUPPORTED_ASSIGNOR,
        KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    }
)
UNREACHABLE: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION})

logger = logging.getLogger("bridge.kafka")


class Owner(Protocol):
    """The event loop's side. All methods run in the loop, in the order in which they are called."""

    def received(self, messages: Sequence[Read], size: int) -> None:
        """Take records and ends of partitions, in order. `size` is the size of the records in bytes."""

    def assigned(self, partitions: Sequence[Partition]) -> None:
        """Take over the partitions. Calls of `received` with their records follow."""

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool) -> Mapping[Partition, int]:
        """Release the partitions. If `lost`, they may already have another owner. Returns the offsets to commit."""

    def committed(self, offsets: Mapping[Partition, int], *, failed: int) -> None:
        """Note that the broker has committed these offsets, and that `failed` other commits failed."""

    def kafka_failed(self, reason: str) -> None:
        """Note that Kafka cannot be reached, or refuses our credentials."""

    def poller_ended(self, error: BaseException | None) -> None:
        """Note that the thread has ended. `error` is None if it ended after `stop` and closed without an error."""


class Poller(threading.Thread):
    """Reads `topics` for `owner`, within the limits of `gate`. `monotonic` is a clock in seconds."""

    def __init__(
        self,
        *,
        properties: Mapping[str, object],
        topics: Sequence[str],
        owner: Owner,
        gate: Gate,
        loop: asyncio.AbstractEventLoop,
        commit_interval_s: float,
        drain_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(name="kafka-poller", daemon=True)
        callbacks = {"on_commit": self._on_commit, "error_cb": self._on_error}
        self._consumer = Consumer({**properties, **callbacks}, logger=logger)
        self._topics = list(topics)
        self._owner = owner
        self._gate = gate
        self._loop = loop
        self._commit_interval_s = commit_interval_s
        self._answer_s = drain_s + ANSWER_S
        self._monotonic = monotonic
        self._assigned: set[Partition] = set()
        self._paused: set[Partition] = set()
        self._stopping = threading.Event()
        self._refusal = ""
        self._cause: Exception | None = None
        self._commit_at = 0.0

    def stop(self, cause: Exception | None = None) -> None:
        """Ask the thread to release the partitions, commit finished records, close the consumer, and end.

        If an error is the reason to stop, `cause` is this error, and the owner gets it.
        Closing leaves the group, except for a static member (`group.instance.id`).
        """
        self._cause = self._cause or cause
        self._stopping.set()

    def run(self) -> None:
        """Poll until `stop`, or until an error, such as KafkaRefused. Then close the consumer."""
        failure: BaseException | None = None
        try:
            self._subscribe()
            while not self._stopping.is_set():
                self._turn()
            failure = self._cause
        except Exception as error:
            failure = error
        try:
            self._close()
        except Exception as error:
            failure = failure or error
        self._call_in_loop(self._owner.poller_ended, failure)

    def _subscribe(self) -> None:
        try:
            self._consumer.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        except KafkaException as error:  # for a pattern that the C library cannot compile
            raise KafkaRefused(f"{', '.join(self._topics)}: {error.args[0].str()}") from None

    def _turn(self) -> None:
        self._gate.turned_at = self._monotonic()
        self._commit_if_due()
        self._pause_and_resume()
        if self._gate.full and not self._gate.paused:
            self._gate.paused = not self._gate.wait_for_room(ROOM_S)
            return
        if messages := self._read():
            size = bytes_of(messages)
            self._gate.handed += len(messages)
            self._gate.handed_bytes += size
            self._call_in_loop(self._owner.received, messages, size)
        if self._refusal:
            raise KafkaRefused(self._refusal)

    def _read(self) -> list[Read]:
        first = self._consumer.poll(POLL_S)
        if first is None:
            return []
        most = min(AT_ONCE, self._gate.room) - 1
        # The timeout is 0: consume() waits for its whole timeout if fewer than `most` records are available.
        more = self._consumer.consume(most, 0) if most > 0 else []
        return [read for message in (first, *more) if (read := self._of_message(message)) is not None]

    def _of_message(self, message: Message) -> Read | None:
        error = message.error()
        if error is None:
            return record_of(message)
        if error.code() == KafkaError._PARTITION_EOF:
            return EndOfPartition(Partition(message.topic() or "", message.partition() or 0), message.offset() or 0)
        self._on_error(error, message.topic() or "")
        return None

    def _on_error(self, error: KafkaError, topic: str = "") -> None:
        if error.fatal() or error.code() in HOPELESS:
            named = f"{topic}: "
            self._refusal = error.str() if not topic or named in error.str() else named + error.str()
        elif error.code() in UNREACHABLE:
            self._call_in_loop(self._owner.kafka_failed, error.name())
        else:
            about = {"topic": topic} if topic else {}
            logger.warning("Kafka reports an error", extra={"error": error.name(), **about})

    def _pause_and_resume(self) -> None:
        """Pause partitions that must not be read, and resume the others.

        Pausing drops prefetched records, so it must be rare. Therefore reading resumes only when there is ample room.
        """
        if self._gate.paused and self._gate.has_ample_room:
            self._gate.paused = False
        wanted = self._assigned & (self._assigned if self._gate.paused else self._gate.held)
        if to_pause := wanted - self._paused:
            self._consumer.pause(topic_partitions(to_pause))
        if to_resume := self._paused - wanted:
            self._consumer.resume(topic_partitions(to_resume))
        self._paused = wanted

    def _commit_if_due(self) -> None:
        now = self._monotonic()
        if now < self._commit_at:
            return
        self._commit_at = now + self._commit_interval_s
        offsets = self._gate.commits
        if ours := {partition: offset for partition, offset in offsets.items() if partition in self._assigned}:
            try:
                self._consumer.commit(offsets=with_offsets(ours), asynchronous=True)
            except KafkaException:
                self._report_commits({}, failed=len(ours))

    def _on_commit(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        if error is not None:
            self._report_commits({}, failed=len(partitions))
            return
        accepted = [each for each in partitions if each.error is None]
        offsets = {Partition(each.topic, each.partition): each.offset for each in accepted}
        self._report_commits(offsets, failed=len(partitions) - len(accepted))

    def _report_commits(self, offsets: Mapping[Partition, int], *, failed: int) -> None:
        self._loop.call_soon_threadsafe(lambda: self._owner.committed(offsets, failed=failed))

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = [Partition(each.topic, each.partition) for each in partitions]
        self._assigned.update(ours)
        self._call_in_loop(self._owner.assigned, ours)
        consumer.incremental_assign(partitions)
        # A partition that was paused when it was revoked is still paused in the library.
        consumer.resume(partitions)
        self._pause_and_resume()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up([Partition(each.topic, each.partition) for each in partitions])
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget([Partition(each.topic, each.partition) for each in partitions], lost=True)
        consumer.incremental_unassign(partitions)

    def _give_up(self, partitions: Sequence[Partition]) -> None:
        """Wait for requests in flight, forget the partitions, then commit.

        Without this commit, the next owner would repeat finished work.
        """
        offsets = self._forget(partitions, lost=False)
        if not offsets:
            return
        try:
            answered = self._consumer.commit(offsets=with_offsets(offsets), asynchronous=False) or []
        except KafkaException:
            self._report_commits({}, failed=len(offsets))
        else:
            self._on_commit(None, answered)

    def _forget(self, partitions: Sequence[Partition], *, lost: bool) -> Mapping[Partition, int]:
        ours = [partition for partition in partitions if partition in self._assigned]
        self._assigned.difference_update(ours)
        self._paused.difference_update(ours)
        if not ours:
            return {}
        revoked = asyncio.run_coroutine_threadsafe(self._owner.revoked(ours, lost=lost), self._loop)
        return revoked.result(self._answer_s)

    def _close(self) -> None:
        try:
            self._give_up(list(self._assigned))
        finally:
            self._consumer.close()

    def _call_in_loop(self, method: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(method, *arguments)
