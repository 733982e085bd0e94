"""Reads a range of a topic, without a consumer group and without commits."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from bridge.commands import Record
from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.messages import record_of

TIMEOUT_S: Final = 10.0
CHUNK: Final = 1000

logger = logging.getLogger("bridge.kafka")


class TopicReader:
    """Reads by offsets. Each method raises KafkaUnreachable."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """The offset of the first record, and the offset after the last one."""
        try:
            return self._consumer.get_watermark_offsets(TopicPartition(*partition), timeout=TIMEOUT_S)
        except KafkaException as error:
            raise KafkaUnreachable(error.args[0].name()) from None

    def forward(self, partition: Partition, start: int, end: int) -> Iterator[Record]:
        """The records from `start` to before `end`, oldest first. Compaction leaves fewer records than offsets."""
        self._consumer.assign([TopicPartition(*partition, start)])
        while start < end:
            message = self._consumer.poll(TIMEOUT_S)
            if message is None:
                raise KafkaUnreachable("_TIMED_OUT")
            if (error := message.error()) is not None:
                start = _after(message, error, start, end)
                continue
            start = (message.offset() or 0) + 1
            if start <= end:
                yield record_of(message)

    def backward(self, partition: Partition, keep: Callable[[Record], Record]) -> Iterator[Record]:
        """All records, newest first. Reads in chunks, so that the newest records of a large topic are found quickly.

        `keep` is applied as each record is read: a chunk of whole records might not fit into memory.
        """
        first, end = self.bounds(partition)
        while end > first:
            start = max(first, end - CHUNK)
            yield from reversed([keep(record) for record in self.forward(partition, start, end)])
            end = start


def _after(message: Message, error: KafkaError, start: int, end: int) -> int:
    """Where reading continues after an error."""
    if error.code() == KafkaError._PARTITION_EOF:
        return max(message.offset() or 0, end)
    if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:  # the library asks for the group that is never joined
        return start
    raise KafkaUnreachable(error.name())


@contextmanager
def topic_reader(properties: Mapping[str, str | int | bool]) -> Iterator[TopicReader]:
    """A reader with these client properties."""
    own = {
        "group.id": "none",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        # Only a chunk is read at once; by default the library would fetch up to 64 MiB more.
        "queued.min.messages": CHUNK,
        "queued.max.messages.kbytes": 4096,
        "fetch.queue.backoff.ms": 20,
    }
    consumer = Consumer({**properties, **own}, logger=logger)
    try:
        yield TopicReader(consumer)
    finally:
        consumer.close()
