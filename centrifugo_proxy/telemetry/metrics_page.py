"""The text of /metrics: rendered in slices, at most once a second, and shared by all waiting requests.

Rendering takes several milliseconds, and any client may request it. The event loop can handle connects between two
slices. A slice ends after the metric at which it has taken more than a millisecond.
"""

import asyncio
from collections.abc import Iterable
from time import perf_counter
from typing import Final

from prometheus_client import REGISTRY, Metric, generate_latest
from prometheus_client.registry import Collector

from centrifugo_proxy.telemetry.django_metrics import tally

EVERY_S: Final = 1.0
SLICE_S: Final = 0.001


class _One(Collector):
    """A registry with a single metric family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        yield self._family


class MetricsPage:
    """The page of one event loop.

    A request that arrives while a page is rendered gets the next page, because the first page may be too old for it.
    """

    def __init__(self, collector: Collector = REGISTRY, every_s: float = EVERY_S, slice_s: float = SLICE_S) -> None:
        self._collector = collector
        self._every_s = every_s
        self._slice_s = slice_s
        self._next: asyncio.Task[bytes] | None = None
        self._due = 0.0  # in the loop's time

    async def text(self) -> bytes:
        """The page in Prometheus' text format."""
        if self._next is None:
            self._next = asyncio.create_task(self._render_when_due())
        return await asyncio.shield(self._next)  # if one requester hangs up, the others still get the page

    async def _render_when_due(self) -> bytes:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._due - loop.time())
        self._next = None  # requests from now on get the page after this one
        self._due = loop.time() + self._every_s
        return await self._render()

    async def _render(self) -> bytes:
        tally.fold()
        parts, slice_began = [], perf_counter()
        for family in self._collector.collect():
            parts.append(generate_latest(_One(family)))
            if perf_counter() - slice_began > self._slice_s:
                await asyncio.sleep(0)
                slice_began = perf_counter()
        return b"".join(parts)
