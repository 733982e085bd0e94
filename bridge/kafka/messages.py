"""Converts between the library's types and the bridge's."""

from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import Message, TopicPartition

from bridge.commands import Headers, Record
from bridge.delivery.work import Partition

NO_TIMESTAMP: Final = -1
NOT_TEXT: Final = "the name of a header is not text in UTF-8, so no header can be read"


def record_of(message: Message) -> Record:
    """The record in a message that has no error. Brokers accept negative timestamps; all of them become -1 (none)."""
    fault = ""
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):  # confluent_kafka's errors for a name that is not UTF-8
        headers, fault = None, NOT_TEXT
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        max(message.timestamp()[1], NO_TIMESTAMP),
        message.key(),
        message.value(),
        _pairs(headers) if headers else (),
        fault,
    )


def _pairs(headers: object) -> Headers:
    """The headers of a consumed message, which are always a list of pairs. The library's type allows other forms."""
    return tuple(headers) if isinstance(headers, list) else ()


def topic_partitions(partitions: Iterable[Partition]) -> list[TopicPartition]:
    """Partitions in the library's form."""
    return [TopicPartition(topic, number) for topic, number in partitions]


def with_offsets(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    """Offsets to commit, in the library's form."""
    return [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
