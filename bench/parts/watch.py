"""Reads the health and the metrics of a service at a steady rate until SIGTERM: python -m bench.parts.watch PORT FILE

Each request uses a new connection, like a probe of kubelet. At the end, the program writes the samples to FILE as JSON.
"""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from time import perf_counter
from typing import Any, Final

PROBE_EVERY_S: Final = 0.1
SCRAPE_EVERY_S: Final = 0.25
# The time limit of a probe. If the limit is reached, or the connection breaks, the limit is recorded as the duration.
GIVE_UP_S: Final = 10.0
PROBES: Final = ("/health/live", "/health/ready")
METRICS: Final = {
    "limit": re.compile(rb"^realtime_proxy_inflight_limit (\S+)$", re.MULTILINE),
    "lag_s": re.compile(rb"^realtime_event_loop_lag_seconds (\S+)$", re.MULTILINE),
    "shed": re.compile(rb'^realtime_proxy_requests_total\{outcome="overloaded",type="connect"\} (\S+)$', re.MULTILINE),
    "gone": re.compile(rb'^realtime_proxy_requests_total\{outcome="cancelled",type="connect"\} (\S+)$', re.MULTILINE),
}


class Samples:
    """The duration of each probe in seconds, the number of refused connections, and the metrics over time."""

    def __init__(self) -> None:
        self.probes: dict[str, list[float]] = {path: [] for path in PROBES}
        self.refused = 0
        self.metrics: list[dict[str, float]] = []
        self._began = perf_counter()

    async def probe(self, port: int, path: str) -> None:
        """Measure the time of one answer."""
        began = perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP_S):
                await _get(port, path)
        except ConnectionRefusedError:
            self.refused += 1  # the service is being restarted
        except (OSError, TimeoutError):
            self.probes[path].append(GIVE_UP_S)
        else:
            self.probes[path].append(perf_counter() - began)

    async def scrape(self, port: int) -> None:
        """Take one sample of the metrics."""
        try:
            async with asyncio.timeout(GIVE_UP_S):
                page = await _get(port, "/metrics")
        except (OSError, TimeoutError):
            return
        found = {name: pattern.search(page) for name, pattern in METRICS.items()}
        values = {name: float(match[1]) for name, match in found.items() if match}
        self.metrics.append({"after_s": round(perf_counter() - self._began, 2), **values})

    def as_json(self) -> str:
        return json.dumps({"probes": self.probes, "refused": self.refused, "metrics": self.metrics})


async def _get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        if not (answer := await reader.read()):
            raise ConnectionError("no answer")
        return answer
    finally:
        writer.close()


async def watch(port: int) -> str:
    """Send requests at a steady rate until SIGTERM, without waiting for answers. Returns the samples as JSON."""
    samples, under_way, ended = Samples(), set[asyncio.Task[None]](), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def every(seconds: float, *paths: str) -> None:
        while True:
            for path in paths:
                start(samples.probe(port, path) if path in PROBES else samples.scrape(port))
            await asyncio.sleep(seconds)

    loops = [asyncio.create_task(every(PROBE_EVERY_S, *PROBES)), asyncio.create_task(every(SCRAPE_EVERY_S, "/metrics"))]
    await ended.wait()
    for each in loops:
        each.cancel()
    if under_way:
        await asyncio.wait(under_way)
    return samples.as_json()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(asyncio.run(watch(int(sys.argv[1]))))
