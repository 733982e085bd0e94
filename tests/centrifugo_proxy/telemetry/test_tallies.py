"""Tallies give the same metrics as prometheus_client's classes, even if another thread scrapes them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from centrifugo_proxy.telemetry.django_metrics import Tally
from centrifugo_proxy.telemetry.metrics import BUCKETS
from centrifugo_proxy.telemetry.tallies import CounterTally, HistogramTally
from tests.harness.examples import examples

KINDS = ("connect", "refresh")
NAME, HELP = "requests_of_a_test", "What they\nare."
VALUES = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(BUCKETS) | st.floats(0, 1000)))


def registry_of(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry


@examples(100)
@given(VALUES)
def test_a_histogram_is_rendered_as_prometheus_client_renders_it(values: list[tuple[str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally = HistogramTally(NAME, HELP, ["kind"], buckets=BUCKETS, series=[(kind,) for kind in KINDS])
    ours.register(tally)
    histogram = Histogram(NAME, HELP, ["kind"], buckets=BUCKETS, registry=theirs)
    for kind in KINDS:
        histogram.labels(kind)

    for kind, value in values:
        tally.series[kind,].observe(value)
        histogram.labels(kind).observe(value)

    assert generate_latest(ours) == generate_latest(theirs)


@examples(100)
@given(st.lists(st.sampled_from(KINDS)))
def test_a_counter_is_rendered_as_prometheus_client_renders_it(kinds: list[str]) -> None:
    tally = CounterTally(NAME, HELP, ["kind"], [("connect",)])
    theirs = CollectorRegistry()
    counter = Counter(NAME, HELP, ["kind"], registry=theirs)
    counter.labels("connect")

    for kind in kinds:
        tally.counts[kind,] = tally.counts.get((kind,), 0) + 1
        counter.labels(kind).inc()

    assert generate_latest(registry_of(tally)) == generate_latest(theirs)


def test_a_histogram_without_labels_is_rendered_as_prometheus_client_renders_it() -> None:
    tally = HistogramTally(NAME, HELP, [], buckets=BUCKETS, series=[()])
    theirs = CollectorRegistry()
    histogram = Histogram(NAME, HELP, buckets=BUCKETS, registry=theirs)

    for value in (0.001, 0.0011, 80.0):
        tally.series[()].observe(value)
        histogram.observe(value)

    assert generate_latest(registry_of(tally)) == generate_latest(theirs)


def test_a_series_that_is_added_again_keeps_its_counts() -> None:
    tally = HistogramTally(NAME, HELP, ["kind"], buckets=BUCKETS)
    tally.add(("rpc",)).observe(0.2)

    assert tally.add(("rpc",)).snapshot()[0][-1] == 1


@pytest.mark.parametrize(
    "tally", [CounterTally(NAME, HELP, [], [()]), HistogramTally(NAME, HELP, [], buckets=BUCKETS, series=[()])]
)
def test_a_registry_refuses_a_second_metric_with_the_name_of_a_tally(tally: Collector) -> None:
    registry = registry_of(tally)

    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Counter(NAME, HELP, registry=registry)


@contextmanager
def counting(tally: HistogramTally, values: int) -> Iterator[threading.Thread]:
    """A thread that counts `values` values of 1.0, like the event loop. Meanwhile, the caller can scrape the tally."""

    def count() -> None:
        series = tally.series[()]
        for _ in range(values):
            series.observe(1.0)

    thread = threading.Thread(target=count)
    thread.start()
    yield thread
    thread.join()


def test_no_value_is_lost_or_counted_halfway_while_another_thread_scrapes() -> None:
    tally = HistogramTally(NAME, HELP, [], buckets=BUCKETS, series=[()])
    seen = []

    with counting(tally, 200_000) as thread:
        while thread.is_alive():
            (family,) = tally.collect()
            seen.append((family.samples[-2].value, family.samples[-1].value))

    counts, total = tally.series[()].snapshot()
    assert (counts[-1], total) == (200_000, 200_000.0)
    assert all(count == summed for count, summed in seen)  # each value is 1.0
    assert seen == sorted(seen)


def test_all_counted_requests_reach_django_prometheus_although_another_thread_transfers_them() -> None:
    tally = Tally()
    before = _of_django("a-view")
    done = threading.Event()

    def fold() -> None:
        while not done.is_set():
            tally.fold()

    thread = threading.Thread(target=fold)
    thread.start()
    for number in range(50_000):
        tally.count("a-view", "GET", "http", 200 + number % 100)
    done.set()
    thread.join()
    tally.fold()

    assert _of_django("a-view") - before == 50_000


def _of_django(view: str) -> float:
    """django-prometheus' requests of this view."""
    from django_prometheus.middleware import Metrics  # noqa: PLC0415  (needs a configured Django)

    family: Counter = Metrics.get_instance().requests_by_view_transport_method
    (collected,) = family.collect()
    return sum(sample.value for sample in collected.samples if sample.labels["view"] == view)
