"""Reads a range of a topic, without a consumer group and without commits."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bridge.commands import Record
from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable, at
from bridge.kafka.messages import record_of

TIMEOUT_S: Final = 10.0
RETRY_S: Final = 0.1
CHUNK: Final = 1000
# The library reports these errors, and reconnects by itself. If a broker's name has several addresses, it tries the
# next address.
PASSING: Final = (
    *(KafkaError._TRANSPORT, KafkaError._DESTROY_BROKER, KafkaError._ALL_BROKERS_DOWN),
    KafkaError._UNKNOWN_PARTITION,  # its leader is not yet known
    # The partition has just got another leader.
    *(KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.OFFSET_NOT_AVAILABLE),
    *(KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH),
)

logger = logging.getLogger("bridge.kafka")


class OffsetConsumer(Protocol):
    """The methods of the library's consumer that the reader uses."""

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]: ...

    def assign(self, partitions: list[TopicPartition]) -> None: ...

    def poll(self, timeout: float) -> Message | None: ...


class TopicReader:
    """Reads by offsets. Each method raises KafkaUnreachable.

    An error of PASSING raises it only after `timeout_s` without an answer. Any other error raises it at once.
    """

    def __init__(self, consumer: OffsetConsumer, timeout_s: float = TIMEOUT_S) -> None:
        self._consumer = consumer
        self._timeout_s = timeout_s

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """The first offset, and the offset after the last. After compaction, the first offset may have no record."""
        until = time.monotonic() + self._timeout_s
        while True:
            try:
                return self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=_left(until))
            except KafkaException as error:
                if error.args[0].code() not in PASSING or not _left(until):
                    raise KafkaUnreachable(at(partition, error.args[0].name())) from None
            time.sleep(RETRY_S)

    def forward(self, partition: Partition, start: int, end: int) -> Iterator[Record]:
        """The records from `start` to `end` - 1, oldest first. After compaction, some offsets have no record."""
        self._consumer.assign([TopicPartition(*partition, start)])
        until = time.monotonic() + self._timeout_s
        while start < end:
            message = self._consumer.poll(left) if (left := _left(until)) else None
            if message is None:
                raise KafkaUnreachable(at(partition, "_TIMED_OUT"))
            if (error := message.error()) is not None:
                start = _after(message, error, partition, start, end)
                continue
            start = (message.offset() or 0) + 1
            if start <= end:
                yield record_of(message)
            until = time.monotonic() + self._timeout_s

    def backward(self, partition: Partition, keep: Callable[[Record], Record]) -> Iterator[Record]:
        """All records, newest first. Reads in chunks, so that the newest records of a large topic are found quickly.

        `keep` is applied to each record at once, because a chunk of whole records might not fit into memory.
        """
        first, end = self.bounds(partition)
        while end > first:
            start = max(first, end - CHUNK)
            yield from reversed([keep(record) for record in self.forward(partition, start, end)])
            end = start


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def _after(message: Message, error: KafkaError, partition: Partition, start: int, end: int) -> int:
    """Where reading continues after an error."""
    if error.code() == KafkaError._PARTITION_EOF:
        return max(message.offset() or 0, end)
    # GROUP_AUTHORIZATION_FAILED does no harm: the library looks up the group's coordinator, but never joins the group.
    if error.code() in PASSING or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return start
    raise KafkaUnreachable(at(partition, error.name()))


@contextmanager
def topic_reader(properties: Mapping[str, str | int | bool]) -> Iterator[TopicReader]:
    """A reader with these client properties."""
    own = {
        "group.id": "none",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        # Only one chunk is read at a time; by default, the library would prefetch up to 64 MiB.
        "queued.min.messages": CHUNK,
        "queued.max.messages.kbytes": 4096,
        "fetch.queue.backoff.ms": 20,
    }
    consumer = Consumer({**properties, **own}, logger=logger)
    try:
        yield TopicReader(consumer)
    finally:
        consumer.close()
