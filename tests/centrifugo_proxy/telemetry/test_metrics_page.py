"""The page of /metrics: concurrent requests share it, it is fresh, and it is rendered in slices."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter, sleep

import pytest
from prometheus_client import REGISTRY, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from centrifugo_proxy.telemetry.metrics_page import MetricsPage


@dataclass
class Counted(Collector):
    """A collector. The value of each metric is the number of collections so far. A metric takes `family_s` seconds."""

    families: int = 1
    family_s: float = 0.0
    collected: int = 0

    def collect(self) -> Iterable[Metric]:
        self.collected += 1
        collection = self.collected  # two collections may overlap
        for number in range(self.families):
            sleep(self.family_s)
            yield GaugeMetricFamily(f"family_{number}", "Help.", value=collection)


def value(page: bytes) -> float:
    return float(page.split()[-1])


async def test_concurrent_requests_share_a_page() -> None:
    counted = Counted()
    page = MetricsPage(counted, every_s=0.05)

    pages = await asyncio.gather(*(page.text() for _ in range(100)))

    assert [value(each) for each in pages] == [1.0] * 100
    assert counted.collected == 1


async def test_a_page_is_never_older_than_the_request_for_it() -> None:
    counted = Counted()
    page = MetricsPage(counted, every_s=0.2)

    started = perf_counter()
    first = value(await page.text())
    second, third = await asyncio.gather(page.text(), page.text())

    assert (first, value(second), value(third)) == (1.0, 2.0, 2.0)
    assert perf_counter() - started > 0.19


async def test_a_request_during_the_rendering_of_a_page_gets_the_next_page() -> None:
    counted = Counted(families=10)
    page = MetricsPage(counted, every_s=0.05, slice_s=0)

    first = asyncio.create_task(page.text())
    while not counted.collected:
        await asyncio.sleep(0)
    second = await page.text()

    assert (value(await first), value(second)) == (1.0, 2.0)


async def test_the_other_requesters_still_get_the_page_if_one_hangs_up() -> None:
    page = MetricsPage(Counted(families=10), every_s=0.05, slice_s=0)
    cancelled, remaining = asyncio.create_task(page.text()), asyncio.create_task(page.text())
    await asyncio.sleep(0)

    cancelled.cancel()

    assert value(await remaining) == 1.0


async def test_the_event_loop_runs_between_the_slices_of_a_page() -> None:
    page = MetricsPage(Counted(families=50, family_s=0.002))
    rendering = asyncio.create_task(page.text())
    turns = 0

    while not rendering.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns >= 50


async def test_the_page_has_the_same_series_as_the_page_of_prometheus_client() -> None:
    page = await MetricsPage(every_s=0).text()

    assert names(page) == names(generate_latest(REGISTRY))


def names(page: bytes) -> list[bytes]:
    """The lines of the page, without the values of the samples, because the values change."""
    return [line if line.startswith(b"#") else line.rpartition(b" ")[0] for line in page.splitlines()]


def test_no_metric_family_has_300_samples_or_more() -> None:
    """A slice cannot be shorter than the largest family. A sample takes about 10 µs."""
    samples = {family.name: len(family.samples) for family in REGISTRY.collect()}

    assert samples["realtime_proxy_duration_seconds"] > 100
    assert max(samples.values()) < 300


@pytest.mark.parametrize("requesters", [1, 50])
async def test_a_failure_reaches_every_requester_and_the_next_request_renders_again(requesters: int) -> None:
    class Failing(Counted):
        def collect(self) -> Iterable[Metric]:
            if self.collected == 0:
                self.collected += 1
                raise RuntimeError("a collector failed")
            return super().collect()

    page = MetricsPage(Failing(), every_s=0.05)

    failed = await asyncio.gather(*(page.text() for _ in range(requesters)), return_exceptions=True)

    assert [type(each) for each in failed] == [RuntimeError] * requesters
    assert value(await page.text()) == 2.0
