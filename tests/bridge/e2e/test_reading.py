"""The thread of the poller reads from a real Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from bridge.commands import Record
from bridge.delivery.work import Partition
from bridge.kafka.connection import Group, KafkaConnection, consumer_properties
from bridge.kafka.gate import Gate
from bridge.kafka.poller import AT_ONCE, Poller
from bridge.kafka.reading import Read
from tests.harness.kafka import Kafka
from tests.harness.waiting import until

pytestmark = pytest.mark.processes


class SlowOwner:
    """An owner that never handles its records, so that all of them stay in transit."""

    def received(self, messages: Sequence[Read], size: int) -> None:
        pass

    def assigned(self, partitions: Sequence[Partition]) -> None:
        pass

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool) -> Mapping[Partition, int]:
        return {}

    def committed(self, offsets: Mapping[Partition, int], *, failed: int) -> None:
        pass

    def kafka_failed(self, reason: str) -> None:
        pass

    def poller_ended(self, error: BaseException | None) -> None:
        pass


class NotingOwner(SlowOwner):
    """Notes which partitions it owns, and from which partitions it has received records."""

    def __init__(self) -> None:
        self.partitions: set[Partition] = set()
        self.read: set[Partition] = set()

    def received(self, messages: Sequence[Read], size: int) -> None:
        self.read |= {Partition(each.topic, each.partition) for each in messages if isinstance(each, Record)}

    def assigned(self, partitions: Sequence[Partition]) -> None:
        self.partitions |= set(partitions)

    async def revoked(self, partitions: Sequence[Partition], *, lost: bool) -> Mapping[Partition, int]:
        self.partitions -= set(partitions)
        return {}


@asynccontextmanager
async def polling(
    kafka: Kafka, topic: str, owner: SlowOwner, gate: Gate, protocol: str = "classic"
) -> AsyncIterator[None]:
    """A poller's thread that reads the topic, in a group with the topic's name."""
    poller = Poller(
        properties=consumer_properties(KafkaConnection(kafka.address), Group(topic, protocol)),
        topics=[topic],
        owner=owner,
        gate=gate,
        loop=asyncio.get_running_loop(),
        commit_interval_s=1.0,
        drain_s=1.0,
        monotonic=time.monotonic,
    )
    poller.start()
    try:
        yield
    finally:
        poller.stop()
        await asyncio.to_thread(poller.join, 30)


async def test_records_in_transit_to_the_event_loop_count_towards_the_limit_of_bytes(kafka: Kafka) -> None:
    topic = kafka.create_topic("entries")
    kafka.produce(topic, [b"-" * 1_000] * 3 * AT_ONCE)
    gate = Gate(most_pending=100 * AT_ONCE, most_bytes=100_000)

    async with polling(kafka, topic, SlowOwner(), gate):
        await until(lambda: gate.paused or gate.handed >= 3 * AT_ONCE)

    assert gate.paused
    assert 100_000 <= gate.handed_bytes <= 100_000 + AT_ONCE * 1_000


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_partition_that_was_revoked_while_it_was_paused_is_read_when_it_is_assigned_again(
    kafka: Kafka, protocol: str
) -> None:
    topic = kafka.create_topic("entries", partitions=2)
    both = frozenset({Partition(topic, 0), Partition(topic, 1)})
    with kafka.producer() as producer:
        for partition in both:
            producer.produce(topic, b"{}", partition=partition.number)
    first, second = NotingOwner(), NotingOwner()
    gate = Gate(most_pending=100, most_bytes=100_000, held=both)

    async with polling(kafka, topic, first, gate, protocol):
        await until(lambda: first.partitions == both)
        async with polling(kafka, topic, second, Gate(100, 100_000, held=both), protocol):
            await until(lambda: len(first.partitions) == len(second.partitions) == 1)
            gate.held = frozenset()
            await until(lambda: first.read == first.partitions)
        await until(lambda: first.partitions == both)
        await until(lambda: first.read == both)

    assert second.read == set()
