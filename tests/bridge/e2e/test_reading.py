"""The poller's thread, with an owner that is too slow to take what it reads."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import pytest

from bridge.delivery.work import Partition
from bridge.kafka.connection import Group, KafkaConnection, consumer_properties
from bridge.kafka.gate import Gate
from bridge.kafka.poller import AT_ONCE, Poller
from bridge.kafka.reading import Read
from tests.harness.kafka import Kafka
from tests.harness.waiting import until

pytestmark = pytest.mark.processes


class SlowOwner:
    """Takes no records."""

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


async def test_records_in_transit_to_the_event_loop_count_towards_the_limit_of_bytes(kafka: Kafka) -> None:
    topic = kafka.create_topic("entries")
    kafka.produce(topic, [b"-" * 1_000] * 3 * AT_ONCE)
    gate = Gate(most_pending=100 * AT_ONCE, most_bytes=100_000)
    poller = Poller(
        properties=consumer_properties(KafkaConnection(kafka.address), Group(topic)),
        topics=[topic],
        owner=SlowOwner(),
        gate=gate,
        loop=asyncio.get_running_loop(),
        commit_interval_s=1.0,
        drain_s=1.0,
        monotonic=time.monotonic,
    )

    poller.start()
    try:
        await until(lambda: gate.paused or gate.handed >= 3 * AT_ONCE)
    finally:
        poller.stop()
        await asyncio.to_thread(poller.join, 30)

    assert gate.paused
    assert 100_000 <= gate.handed_bytes <= 100_000 + AT_ONCE * 1_000
