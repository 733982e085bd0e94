"""Fakes and helpers for tests that measure the lag."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.lag import Offsets
from bridge.running.bridge import Bridge
from bridge.running.health import Health
from bridge.running.metrics import Metrics
from tests.bridge.running.rig import Rig


@dataclass
class FakeBrokers:
    """Brokers that know the end offsets in `known`, and no others. While `down` is set, `topics` raises an error."""

    known: dict[Partition, int] = field(default_factory=dict)
    down: bool = False

    async def ends(self, partitions: Collection[Partition]) -> Offsets:
        """The known ends. As in the real `Brokers`, an outage of Kafka can mean no ends instead of an exception."""
        known = {partition: self.known[partition] for partition in partitions if partition in self.known}
        return Offsets(known, {each: "LEADER_NOT_AVAILABLE" for each in partitions if each not in known})

    async def topics(self) -> dict[str, int]:
        if self.down:
            raise KafkaUnreachable("_TRANSPORT")
        return {}


@dataclass
class Measured:
    """The parts of a bridge that `measure_lag` and `refresh` use."""

    bridge: Bridge
    metrics: Metrics
    brokers: Any
    labels: Any
    gate: Any = None
    sender: Any = None
    health: Any = None


def health_of(rig: Rig) -> Health:
    """The health of the rig's bridge, at a fixed time."""
    return Health(
        version="1.0.0",
        group="realtime-bridge",
        gate=rig.gate,
        bridge=rig.bridge,
        outage=lambda: rig.sender.outage,
        clock=lambda: 1_800_000_000.0,
        monotonic=lambda: 100.0,
        started_at=0.0,
    )
