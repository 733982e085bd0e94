"""Converts the library's messages to our values."""

from collections.abc import Iterable, Mapping

from confluent_kafka import Message, TopicPartition

from bridge.commands import Headers, Record
from bridge.delivery.work import Partition


def record_of(message: Message) -> Record:
    """The record in a message that has no error."""
    _, timestamp = message.timestamp()
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        timestamp,
        message.key(),
        message.value(),
        _headers(message),
    )


def _headers(message: Message) -> Headers:
    headers = message.headers()
    if not headers:
        return ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in pairs)


def topic_partitions(partitions: Iterable[Partition]) -> list[TopicPartition]:
    """Partitions in the library's form."""
    return [TopicPartition(topic, number) for topic, number in partitions]


def with_offsets(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    """Offsets to commit, in the library's form."""
    return [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
