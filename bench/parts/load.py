"""Generates load: sends connects on many connections at once. Uses wrk if it is installed, and otherwise our client."""

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
# This token is used only in benchmarks.
TOKEN: Final = "bench-token"  # noqa: S105
# The PROXY_MAX_INFLIGHT of a service that must not refuse requests. The load must have fewer connections than this.
NO_SHEDDING: Final = "1000"


@dataclass(frozen=True)
class Load:
    """The result of a load. `bad` is the number of connects that were refused or got no answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bad: int


def load(port: int, seconds: float, connections: int) -> Load:
    """Sends connects to `port` for `seconds`. wrk only accepts whole seconds, so the time is rounded, to at least one.

    Raises BenchError if a connect fails, or if no connect is answered.
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
    """The durations and statuses of requests. A request without an answer has the status 0."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)

    def percentile_ms(self, percent: int) -> float:
        """This percentile of the durations, in milliseconds; 0 if there are no durations."""
        return percentile(self.seconds, percent / 100) * 1000

    def as_load(self, seconds: float) -> Load:
        bad = sum(number for status, number in self.statuses.items() if status != 200)
        return Load(len(self.seconds), seconds, self.percentile_ms(50), self.percentile_ms(99), bad)


async def timed(connection: Connection, request: bytes, answers: Answers) -> int:
    """Sends one request and returns the status. It is 0 if the connection breaks or no answer arrives within 30 s."""
    started = perf_counter()
    try:
        status = await connection.exchange(request)
    except (OSError, TimeoutError):
        status = 0
    answers.add(status, perf_counter() - started)
    return status


async def send_until(until: float, connection: Connection, requests: Iterator[bytes], answers: Answers) -> None:
    """Sends requests one by one, and then closes the connection.

    Stops at the time `until` (perf_counter), after the last request, or after a request without an answer.
    """
    while perf_counter() < until and (request := next(requests, None)):
        if not await timed(connection, request, answers):
            break
    connection.close()
