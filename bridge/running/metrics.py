"""The bridge's metrics. All counters start at 0.

The values of labels come from the configuration, from fixed lists, and from partition numbers.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from bridge.commands import DEAD_LETTER, DONE, Command, Reason, SkipReason
from bridge.delivery.verdicts import CAUSES
from bridge.delivery.work import Partition

PERMANENT: Final = "permanent"
OUTCOMES: Final = (DONE, DEAD_LETTER, *SkipReason)
REBALANCES: Final = ("assigned", "revoked", "lost")
AGES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
DURATIONS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES: Final = tuple(2**power for power in range(11))


class Ages(Collector):
    """A histogram of event ages by route. Its counts are plain Python numbers.

    Each successful command adds an observation if its record has a timestamp.
    """

    def __init__(self, routes: Iterable[str]) -> None:
        self._counts = {route: [0] * (len(AGES) + 1) for route in routes}
        self._sums = dict.fromkeys(self._counts, 0.0)

    def observe(self, route: str, age_s: float) -> None:
        """Count a command of this route that is done `age_s` seconds after its record was written."""
        self._counts[route][bisect_left(AGES, age_s)] += 1
        self._sums[route] += age_s

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The histogram for prometheus_client."""
        text = "Seconds from the timestamp of a record in Kafka until a command for it is done."
        family = HistogramMetricFamily("realtime_bridge_event_age_seconds", text, labels=["route"])
        names = [*map(floatToGoString, AGES), "+Inf"]
        for route, counts in self._counts.items():
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric([route], buckets, self._sums[route])
        yield family


class Metrics:
    """All metrics of one bridge, in their own registry.

    `topics` has all topic labels. `routes` has all pairs of a route's name and a kind of command.
    """

    def __init__(self, *, topics: Sequence[str], routes: Sequence[tuple[str, str]], version: str) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._counters(topics, routes)
        self._histograms(routes)
        self._gauges(topics)
        self._gauge("build_info", "Always 1; the label is the version of the bridge.", "version").labels(version).set(1)
        self._ended_records: dict[tuple[str, str], int] = defaultdict(int)
        self._ended_commands: dict[tuple[str, str, str], int] = defaultdict(int)

    def _counters(self, topics: Sequence[str], routes: Sequence[tuple[str, str]]) -> None:
        self.records = self._counter("records", "Finished records, by outcome.", "topic", "outcome")
        self.commands = self._counter("commands", "Finished commands, by outcome.", "route", "command", "outcome")
        self.dead_letters = self._counter("dead_letters", "Dead letters that Kafka has confirmed.", "topic", "reason")
        self.retries = self._counter("retries", "Commands that had to be sent again, by cause.", "cause")
        self.rebalances = self._counter(
            "rebalances", "Partitions assigned to this process, revoked from it or lost, by event.", "event"
        )
        self.commits = self._counter("commits", "Commits of partition offsets, by outcome.", "outcome")
        _start(self.records, ((topic, outcome) for topic in topics for outcome in OUTCOMES))
        _start(self.commands, ((*route, outcome) for route in routes for outcome in (DONE, PERMANENT)))
        _start(self.dead_letters, ((topic, reason) for topic in topics for reason in Reason))
        _start(self.retries, ((cause,) for cause in CAUSES))
        _start(self.rebalances, ((event,) for event in REBALANCES))
        _start(self.commits, (("ok",), ("failed",)))

    def _histograms(self, routes: Sequence[tuple[str, str]]) -> None:
        self.request_duration = self._histogram(
            "request_duration_seconds", "Duration of a request to Centrifugo in seconds.", DURATIONS
        )
        self.batch = self._histogram("batch_commands", "Commands in a request to Centrifugo.", SIZES)
        self.ages = Ages(dict.fromkeys(name for name, _ in routes))
        self.registry.register(self.ages)

    def _gauges(self, topics: Sequence[str]) -> None:
        self.in_flight = self._gauge("inflight_requests", "Requests to Centrifugo in flight.")
        self.lag = self._gauge(
            "lag_records",
            "Offsets from the first unfinished record of a partition to the end of the partition.",
            "topic",
            "partition",
        )
        self.oldest = self._gauge(
            "oldest_pending_seconds",
            "Age in seconds of the oldest record that is not finished; 0 if there is none.",
            "topic",
        )
        self.pending = self._gauge("pending_records", "Records that were read and are not finished.")
        self.undelivered = self._gauge(
            "undelivered_dead_letters",
            "Dead letters that Kafka did not accept, and that the bridge tries to write again.",
        )
        self.paused = self._gauge("paused", "1 while reading is paused because too many records or bytes are pending.")
        self.stopped = self._gauge(
            "partition_stopped", "1 if the partition is stopped, until a restart or a rebalance.", "topic", "partition"
        )
        self.outage = self._gauge("centrifugo_outage", "1 while Centrifugo gives no usable answer.")
        self.kafka_outage = self._gauge("kafka_outage", "1 while Kafka does not answer or refuses the bridge.")
        self.assigned = self._gauge("assigned_partitions", "Partitions that this process reads.", "topic")
        self.unserved = self._gauge(
            "unserved_partitions", "Partitions of this process that Kafka cannot serve now.", "topic"
        )
        self.poll_age = self._gauge(
            "poll_age_seconds", "Seconds since the last loop iteration of the thread that reads Kafka."
        )
        _start(self.oldest, ((topic,) for topic in topics))
        _start(self.assigned, ((topic,) for topic in topics))
        _start(self.unserved, ((topic,) for topic in topics))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"realtime_bridge_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"realtime_bridge_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"realtime_bridge_{name}", text, labels, registry=self.registry, buckets=buckets)

    def record_ended(self, topic: str, outcome: str) -> None:
        """Count a finished record, with its outcome."""
        self._ended_records[topic, outcome] += 1

    def command_ended(self, command: Command, outcome: str) -> None:
        """Count a command that is done or failed permanently."""
        self._ended_commands[command.route, command.kind, outcome] += 1

    def flush(self) -> None:
        """Add the counts since the last scrape to the counters. Updating them at every event would take longer."""
        for record, number in self._ended_records.items():
            self.records.labels(*record).inc(number)
        for command, number in self._ended_commands.items():
            self.commands.labels(*command).inc(number)
        self._ended_records.clear()
        self._ended_commands.clear()

    def forget_partition(self, label: str, partition: Partition) -> None:
        """Remove the series of a partition that is no longer assigned."""
        for gauge in (self.lag, self.stopped):
            gauge.remove_by_labels({"topic": label, "partition": str(partition.number)})


def _start(metric: Counter | Gauge | Histogram, labels: Iterable[tuple[str, ...]]) -> None:
    for values in labels:
        metric.labels(*values)
