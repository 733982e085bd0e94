"""Updates the gauges. The lag is measured at intervals, because it needs requests to Kafka. Most other gauges are set
before each scrape.

The gauges for stopped partitions and for requests in flight are set elsewhere, when their values change.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.gate import Gate
from bridge.kafka.lag import Brokers
from bridge.routing.model import Routes
from bridge.running.bridge import Bridge
from bridge.running.health import Health
from bridge.running.metrics import Metrics
from bridge.running.sender import Sender


class Labels:
    """The metric labels of topics. All topics that match a pattern of the routes file have the pattern as label."""

    def __init__(self, routes: Routes, replay_topic: str) -> None:
        self._routes = routes
        self._replay_topic = replay_topic
        self._known: dict[str, str] = {}
        self.all = [*routes.topics, *([replay_topic] if replay_topic else [])]

    def of(self, topic: str) -> str:
        """The label of a topic."""
        if topic not in self._known:
            self._known[topic] = topic if topic == self._replay_topic else self._routes.label(topic)
        return self._known[topic]


class Watched(Protocol):
    """The objects that the gauges read."""

    @property
    def bridge(self) -> Bridge: ...
    @property
    def gate(self) -> Gate: ...
    @property
    def sender(self) -> Sender: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def health(self) -> Health: ...
    @property
    def brokers(self) -> Brokers: ...
    @property
    def labels(self) -> Labels: ...


async def measure_lag(parts: Watched) -> Mapping[Partition, int]:
    """Measure the lag of each partition that Kafka serves: its end minus the offset of the first unfinished record.

    A partition has no series while this offset is unknown. The lags of partitions that share a series are added up.
    Also notes which partitions Kafka cannot serve, and whether Kafka answers. If Kafka returned no end, for example
    because no partition is assigned, this function asks Kafka for its topics instead.
    """
    try:
        ends, unserved = await parts.brokers.ends(list(parts.bridge.work.assignments))
        if not ends:
            await parts.brokers.topics()
    except KafkaUnreachable as error:
        parts.bridge.kafka.failed(str(error))
        return {}
    parts.bridge.kafka.answered()
    parts.bridge.unserved.note(unserved, ends)
    lags: dict[tuple[str, str], int] = defaultdict(int)
    for partition, end in ends.items():
        assignment = parts.bridge.work.assignments.get(partition)
        start = None if assignment is None else assignment.ledger.first_unfinished
        if start is not None:
            series = parts.labels.of(partition.topic), str(partition.number)
            lags[series] += max(0, end - start)
    for series, lag in lags.items():
        parts.metrics.lag.labels(*series).set(lag)
    return ends


def refresh(parts: Watched) -> None:
    """Update the metrics that are not updated elsewhere, before a scrape."""
    parts.metrics.flush()
    now = time.time()
    oldest = dict.fromkeys(parts.labels.all, 0.0)
    assigned = dict.fromkeys(oldest, 0)
    unserved = dict.fromkeys(oldest, 0)
    for partition, assignment in parts.bridge.work.assignments.items():
        name = parts.labels.of(partition.topic)
        assigned[name] = assigned.get(name, 0) + 1
        unserved[name] = unserved.get(name, 0) + (partition in parts.bridge.unserved.partitions)
        if (item := assignment.ledger.oldest) is not None and item.timestamp_ms >= 0:
            oldest[name] = max(oldest.get(name, 0.0), now - item.timestamp_ms / 1000)
    for name, age_s in oldest.items():
        parts.metrics.oldest.labels(name).set(age_s)
    for name, number in assigned.items():
        parts.metrics.assigned.labels(name).set(number)
    for name, number in unserved.items():
        parts.metrics.unserved.labels(name).set(number)
    parts.metrics.pending.set(parts.bridge.work.pending)
    parts.metrics.undelivered.set(parts.bridge.letters.undelivered)
    parts.metrics.paused.set(parts.gate.paused)
    parts.metrics.outage.set(parts.sender.outage.since is not None)
    parts.metrics.kafka_outage.set(parts.bridge.kafka.reachable is False)
    parts.metrics.poll_age.set(parts.health.poll_age_s)
