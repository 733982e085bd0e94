"""Generates load: connects on many connections at once, with wrk if it is installed, else with our own client."""

import asyncio
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

import uvloop

from bench.parts.client import Connection, connect_request, connected
from bench.parts.figures import percentile
from bench.parts.processes import BenchError
from centrifugo_proxy.protocol.codes import path_of

SCRIPT: Final = str(Path(__file__).with_name("connect.lua"))
# Used only in measurements.
TOKEN: Final = "bench-token"  # noqa: S105
# PROXY_MAX_INFLIGHT of a service that must answer everything: the load must have fewer connections.
NO_SHEDDING: Final = "1000"


@dataclass(frozen=True)
class Load:
    """The result of a load. `bad` counts refused connects, and those without an answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bad: int


def load(port: int, seconds: float, connections: int) -> Load:
    """Sends connects to `port` for this long; wrk takes whole seconds, at least one. Raises BenchError if a connect
    fails, or if none was answered.
    """
    done = _by_wrk(port, seconds, connections) if shutil.which("wrk") else _by_us(port, seconds, connections)
    if done.bad:
        raise BenchError(f"{done.bad} of {done.requests} connects failed.")
    if not done.requests:
        raise BenchError(f"No connect was answered within {seconds:.0f} s.")
    return done


def _by_wrk(port: int, seconds: float, connections: int) -> Load:
    arguments = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", SCRIPT]
    run = subprocess.run(  # noqa: S603
        ["wrk", *arguments, f"http://127.0.0.1:{port}{path_of('connect')}"],  # noqa: S607
        env={**os.environ, "BENCH_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Load(**json.loads(run.stdout.splitlines()[-1]))


def _by_us(port: int, seconds: float, connections: int) -> Load:
    answers = Answers()

    async def run() -> None:
        until = perf_counter() + seconds
        requests = (connect_request(f"ticket-{number:036d}", TOKEN) for number in count())
        callers = [await connected(port) for _ in range(connections)]
        await asyncio.gather(*(send_until(until, caller, requests, answers) for caller in callers))

    started = perf_counter()
    uvloop.run(run())
    return answers.as_load(perf_counter() - started)


@dataclass
class Answers:
    """The durations and statuses of requests; status 0 is a request without an answer."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)

    def percentile_ms(self, percent: int) -> float:
        """This percentile of the durations in milliseconds; 0 if there are none."""
        return percentile(self.seconds, percent / 100) * 1000

    def as_load(self, seconds: float) -> Load:
        bad = sum(number for status, number in self.statuses.items() if status != 200)
        return Load(len(self.seconds), seconds, self.percentile_ms(50), self.percentile_ms(99), bad)


async def timed(connection: Connection, request: bytes, answers: Answers) -> int:
    """Sends one request; returns the status, 0 for a broken connection and after 30 s without an answer."""
    started = perf_counter()
    try:
        status = await connection.exchange(request)
    except (OSError, TimeoutError):
        status = 0
    answers.add(status, perf_counter() - started)
    return status


async def send_until(until: float, connection: Connection, requests: Iterator[bytes], answers: Answers) -> None:
    """Sends requests one by one until the time `until` (perf_counter), the last request, or one without an answer.
    Then closes the connection.
    """
    while perf_counter() < until and (request := next(requests, None)):
        if not await timed(connection, request, answers):
            break
    connection.close()
