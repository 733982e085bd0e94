"""Counters and histograms that every request changes. They are plain numbers, which a scrape turns into metrics.

A counter or histogram of prometheus_client takes a lock for each number that it changes, and a connect changes eight
numbers. A tally needs no lock, because only the thread of the event loop changes it. A scrape may run in any thread. It
copies the numbers of a series in one step and changes nothing, so no count is lost.
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
    """A counter. `counts[labels] += 1` increments it. Add labels that are not in `series` to `counts` first."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str], series: Iterable[Labels]) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self.counts: Final = dict.fromkeys(series, 0)

    def collect(self) -> Iterable[Metric]:
        """The metric family. The names of its samples end with `_total`."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, count in list(self.counts.items()):
            family.add_metric(labels, count)
        yield family

    def describe(self) -> Iterable[Metric]:
        """The metric family without samples. A registry reads its name to find duplicates."""
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
        # CPython switches threads only at calls and loops. Between the line above and the line below, there is neither.
        self._total += value

    def snapshot(self) -> tuple[list[int], float]:
        """The cumulative counts and the sum of the values. The last count is the number of values."""
        counts, total = self._counts[:], self._total
        return list(accumulate(counts)), total


class HistogramTally(Collector):
    """A histogram. `series[labels].observe(value)` counts a value."""

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
        """The series with these labels. It is created if it does not exist."""
        return self.series.setdefault(labels, Series(self._buckets))

    def collect(self) -> Iterable[Metric]:
        """The metric family."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, series in list(self.series.items()):
            counts, total = series.snapshot()
            family.add_metric(labels, list(zip(self._bounds, counts, strict=True)), total)
        yield family

    def describe(self) -> Iterable[Metric]:
        """The metric family without samples. A registry reads its name to find duplicates."""
        yield HistogramMetricFamily(self._name, self._documentation)
