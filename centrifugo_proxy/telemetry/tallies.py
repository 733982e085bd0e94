"""Counters and histograms for every request: plain numbers, which a scrape turns into Prometheus' metrics.

A counter or histogram of prometheus_client takes a lock for each number that it changes; for a connect there are eight.
A tally is changed by one thread only, that of the event loop, and needs no lock. A scrape may run in any thread: it
copies the numbers of a series in one step and changes nothing, so that no count is lost.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class CounterTally(Collector):
    """A counter. `counts[labels] += 1` counts in a series of `series`; others must be put into `counts` first."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], series: Iterable[Labels]) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self.counts: Final = dict.fromkeys(series, 0)

    def collect(self) -> Iterable[Metric]:
        """The metric family; its samples are named with `_total`."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, count in list(self.counts.items()):
            family.add_metric(labels, count)
        yield family

    def describe(self) -> Iterable[Metric]:
        """The name, by which a registry notices duplicates."""
        yield CounterMetricFamily(self._name, self._documentation)


class Series:
    """One series of a histogram. `buckets` are upper bounds in ascending order, shared by the histogram's series."""

    __slots__ = ("_buckets", "_counts", "_total")

    def __init__(self, buckets: Sequence[float]) -> None:
        self._buckets = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._buckets, value)] += 1
        # CPython switches threads only at calls and loops; there is neither between the line above and the one below.
        self._total += value

    def snapshot(self) -> tuple[list[int], float]:
        """The cumulative counts, the last of which is the number of values, and the sum of the values."""
        counts, total = self._counts[:], self._total
        return list(accumulate(counts)), total


class HistogramTally(Collector):
    """A histogram. `series[labels].observe(value)` counts."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        buckets: Sequence[float],
        series: Iterable[Labels] = (),
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._buckets = buckets
        self._bounds = [*map(floatToGoString, buckets), "+Inf"]
        self.series: Final = {each: Series(buckets) for each in series}

    def add(self, labels: Labels) -> Series:
        """The series with these labels, created if there is none."""
        return self.series.setdefault(labels, Series(self._buckets))

    def collect(self) -> Iterable[Metric]:
        """The metric family."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, series in list(self.series.items()):
            counts, total = series.snapshot()
            family.add_metric(labels, list(zip(self._bounds, counts, strict=True)), total)
        yield family

    def describe(self) -> Iterable[Metric]:
        """The name, by which a registry notices duplicates."""
        yield HistogramMetricFamily(self._name, self._documentation)
