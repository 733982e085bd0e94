"""A real Prometheus on loopback that scrapes what a test runs."""

import asyncio
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
import yaml

from tests.harness.plain_http import NO_CERTIFICATES
from tools.ports import free_port

SCRAPE_S: Final = 1
# What Grafana makes of $__rate_interval with this scrape interval.
RATE_INTERVAL: Final = f"{4 * SCRAPE_S}s"
START_S, SEEN_S = 20.0, 60.0

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian's package has that name)"
)


class Series(NamedTuple):
    """Samples of one series: (Unix time, value)."""

    labels: dict[str, str]
    samples: list[tuple[float, float]]

    @property
    def values(self) -> list[float]:
        return [value for _, value in self.samples]

    @property
    def peak(self) -> float:
        return max(self.values)

    @property
    def is_finite(self) -> bool:
        return all(math.isfinite(value) for value in self.values)


@dataclass
class Prometheus:
    """A running Prometheus. `range` covers the time from `since` to `ended`, or until now."""

    url: str
    since: float = field(default_factory=time.time)
    ended: float | None = None

    @property
    def over(self) -> tuple[float, float]:
        """The time that `range` covers, in Unix seconds."""
        return self.since, self.ended or time.time()

    async def begin(self, targets: int) -> None:
        """Wait until this many targets have been scraped, and start the time that `range` covers."""
        await self.until("up == 1", targets)
        self.since = time.time()

    def end(self) -> None:
        """Let the time that `range` covers end one step from now, so that it includes the newest samples."""
        self.ended = time.time() + SCRAPE_S

    def now(self, expr: str) -> list[Series]:
        """The answer to an instant query."""
        result = self._ask("query", query=expr)
        return [Series(each["metric"], [_sample(each["value"])]) for each in result]

    def range(self, expr: str) -> list[Series]:
        """The answer to a range query, with a sample for each scrape interval."""
        start, end = self.over
        result = self._ask("query_range", query=expr, start=f"{start}", end=f"{end}", step=f"{SCRAPE_S}")
        return [Series(each["metric"], [_sample(sample) for sample in each["values"]]) for each in result]

    async def until(self, expr: str, number: int = 1) -> None:
        """Wait until Prometheus returns at least this many series for the expression."""
        deadline = time.monotonic() + SEEN_S
        while len(found := await asyncio.to_thread(self.now, expr)) < number:
            assert time.monotonic() < deadline, f"{expr} had {len(found)} series, not {number}"
            await asyncio.sleep(0.2)

    def _ask(self, kind: str, **parameters: str) -> list[dict[str, Any]]:
        response = httpx.get(f"{self.url}/api/v1/{kind}", params=parameters, timeout=30, verify=NO_CERTIFICATES)
        body: dict[str, Any] = response.json()
        assert body["status"] == "success", f"{parameters['query']}: {body.get('error')}"
        result: list[dict[str, Any]] = body["data"]["result"]
        return result


def _sample(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


@contextmanager
def prometheus(folder: Path, jobs: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """A Prometheus that scrapes these targets (host:port), by job. It is killed at the end."""
    scraped = [{"job_name": job, "static_configs": [{"targets": list(targets)}]} for job, targets in jobs.items()]
    interval = f"{SCRAPE_S}s"
    configuration = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": scraped,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        command = ["prometheus", *options, f"--web.listen-address={address}"]
        popen = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603
    try:
        _wait(lambda: _is_ready(address), popen, folder / "prometheus.log")
        yield Prometheus(f"http://{address}")
    finally:
        popen.kill()
        popen.wait()


def _wait(ready: Callable[[], bool], popen: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S
    while not ready():
        assert popen.poll() is None, log.read_text()
        assert time.monotonic() < until, "Prometheus did not become ready"
        time.sleep(0.05)


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready", verify=NO_CERTIFICATES).status_code == 200
    except httpx.TransportError:
        return False
