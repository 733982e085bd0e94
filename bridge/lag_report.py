"""The lag of a consumer group, for each partition."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bridge.delivery.work import Partition
from bridge.kafka.committed import committed_offsets
from bridge.kafka.connection import KafkaConnection, admin_properties
from bridge.kafka.errors import NO_RIGHT, KafkaUnreachable, at
from bridge.kafka.lag import Brokers
from bridge.kafka.reader import topic_reader
from bridge.routing.model import covers


class Row(NamedTuple):
    """The lag of one partition.

    `lag` is the number of offsets from the first unfinished record to the end. `committed` is None if the group has no
    commit. `oldest_s` is the age of the first unfinished record; None if there is no such record, or if it has no
    timestamp.
    """

    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    oldest_s: float | None


class Lags(NamedTuple):
    """A row for each partition that Kafka serves. `unserved` has the name of Kafka's error for each other partition.

    `absent` are the topics and patterns for which Kafka shows no topic.
    """

    rows: list[Row]
    unserved: dict[Partition, str]
    absent: list[str]


async def measure(connection: KafkaConnection, group: str, topics: Sequence[str]) -> Lags:
    """The group's lag in these topics. A topic that begins with ^ is a pattern. Raises KafkaUnreachable."""
    properties = admin_properties(connection)
    brokers = Brokers(properties)
    existing = await brokers.topics()
    absent = [topic for topic in topics if not any(covers(topic, name) for name in existing)]
    partitions = _partitions(topics, existing)
    ends, no_ends = await brokers.ends(partitions)
    beginnings, no_beginnings = await brokers.beginnings(ends)
    unserved = no_ends | no_beginnings
    for partition, error in unserved.items():
        if error.endswith(NO_RIGHT):
            raise KafkaUnreachable(at(partition, error))
    committed = await committed_offsets(properties, group, beginnings)
    # A bridge may have committed records that were written after `ends` was read.
    later, _ = await brokers.ends([each for each, offset in committed.items() if offset > ends[each]])
    ends = ends | later
    starts = {each: _start(committed.get(each), beginning, ends[each]) for each, beginning in beginnings.items()}
    return Lags(await _rows(properties, committed, starts, ends), unserved, absent)


def _start(committed: int | None, beginning: int, end: int) -> int:
    """Where a bridge continues to read. A committed offset after the end is from an earlier topic of the same name."""
    return committed if committed is not None and beginning <= committed <= end else beginning


async def _rows(
    properties: Mapping[str, str | int | bool],
    committed: Mapping[Partition, int],
    starts: Mapping[Partition, int],
    ends: Mapping[Partition, int],
) -> list[Row]:
    behind = {each: start for each, start in starts.items() if start < ends[each]}
    ages = await asyncio.to_thread(_ages, properties, behind, ends)
    return [
        Row(*each, committed.get(each), ends[each], max(0, ends[each] - start), ages.get(each))
        for each, start in starts.items()
    ]


def _partitions(topics: Sequence[str], existing: Mapping[str, int]) -> list[Partition]:
    found = [name for name in sorted(existing) if _is_selected(name, topics)]
    return [Partition(name, number) for name in found for number in range(existing[name])]


def _is_selected(name: str, topics: Collection[str]) -> bool:
    return any(covers(topic, name) for topic in topics)


def _ages(
    properties: Mapping[str, str | int | bool], behind: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> dict[Partition, float]:
    """Age in seconds of the first unfinished record of each partition, if that record has a timestamp."""
    now = time.time()
    ages: dict[Partition, float] = {}
    with topic_reader(properties) as reader:
        for partition, start in behind.items():
            record = next(reader.forward(partition, start, ends[partition]), None)
            if record is not None and record.timestamp >= 0:
                ages[partition] = max(0.0, now - record.timestamp / 1000)
    return ages
