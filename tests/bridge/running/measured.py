"""What the lag is measured with."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.running.bridge import Bridge
from bridge.running.metrics import Metrics


@dataclass
class FakeBrokers:
    """Knows these ends of partitions, and no others. It does not answer while `down`."""

    ends: dict[Partition, int] = field(default_factory=dict)
    down: bool = False

    async def known_ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """As in `Brokers`: without partitions Kafka is not asked. Kafka's client can also lack their leaders."""
        return {partition: self.ends[partition] for partition in partitions if partition in self.ends}

    async def topics(self) -> dict[str, int]:
        if self.down:
            raise KafkaUnreachable("_TRANSPORT")
        return {}


@dataclass
class Measured:
    """The parts whose lag is measured."""

    bridge: Bridge
    metrics: Metrics
    brokers: Any
    labels: Any
    gate: Any = None
    sender: Any = None
    health: Any = None
