"""Starts the service as a process, queries it, and ends it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import httpx
import orjson

from tests.harness import warm_start
from tests.harness.paths import ROOT
from tests.harness.plain_http import NO_CERTIFICATES
from tools.ports import free_port

START_S = 20.0
NOT_KEPT = httpx.Limits(max_keepalive_connections=0)  # at shutdown, the service waits for idle connections


def serve_command(port: int) -> list[str]:
    """The command that an operator runs; the port comes from the environment."""
    return [sys.executable, "manage.py", "serve"]


def uvicorn_command(port: int) -> list[str]:
    """The command of an operator who sets uvicorn's options."""
    application = "realtime_site.asgi:application"
    return [sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)]


def environment(port: int, **variables: str) -> dict[str, str]:
    """These variables and the PATH. By default: an address on loopback, no tracing, and warnings as errors."""
    base = {"PATH": os.environ["PATH"], "LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": str(port)}
    return {**base, "OTEL_EXPORTER_OTLP_ENDPOINT": "", "PYTHONWARNINGS": "error", **variables}


@dataclass
class Process:
    """A started service. `http` is an HTTP client for it."""

    popen: subprocess.Popen[bytes] | warm_start.Started
    http: httpx.Client
    port: int
    out: IO[bytes]
    err: IO[bytes]

    def stdout(self) -> str:
        return _content(self.out)

    def stderr(self) -> str:
        return _content(self.err)

    def lines(self) -> list[dict[str, object]]:
        """The parsed log lines of both streams."""
        return [_parsed(line) for line in (self.stdout() + self.stderr()).splitlines()]

    def terminate(self) -> int:
        """Send SIGTERM; returns the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(START_S)

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_S
        while not self._ready():
            assert self.popen.poll() is None, self.stderr()
            assert time.monotonic() < until, "the service did not become ready"
            time.sleep(0.03)

    def _ready(self) -> bool:
        try:
            return self.http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False


def _parsed(line: str) -> dict[str, object]:
    try:
        parsed: dict[str, object] = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise AssertionError(f"not a log line: {line}") from None
    return parsed


def _content(stream: IO[bytes]) -> str:
    return os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0).decode()


def catches(pid: int, number: signal.Signals) -> bool:
    """True if the process has a handler for the signal. Python itself installs none for SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


Start = Callable[[Mapping[str, str], IO[bytes], IO[bytes]], subprocess.Popen[bytes] | warm_start.Started]


@contextmanager
def started(command: list[str], port: int, **variables: str) -> Iterator[Process]:
    """A started process; killed at the end if it still runs."""

    def start(given: Mapping[str, str], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env=given, stdout=out, stderr=err)  # noqa: S603

    with _running(start, port, variables) as process:
        yield process


@contextmanager
def started_warm(arguments: list[str], port: int, **variables: str) -> Iterator[Process]:
    """Like `started`, but with a warm start of `manage.py` (`warm_start`). It needs a third of the CPU time."""
    if not warm_start.possible(variables):
        with started([sys.executable, "manage.py", *arguments], port, **variables) as process:
            yield process
        return
    with _running(partial(warm_start.start, arguments), port, variables) as process:
        yield process


@contextmanager
def _running(start: Start, port: int, variables: Mapping[str, str]) -> Iterator[Process]:
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", limits=NOT_KEPT, timeout=10, verify=NO_CERTIFICATES) as http,
        start(environment(port, **variables), out, err) as popen,
    ):
        try:
            yield Process(popen, http, port, out, err)
        finally:
            popen.kill()


@contextmanager
def serving(**variables: str) -> Iterator[Process]:
    """A ready `manage.py serve` with these variables, after a warm start."""
    port = free_port()
    with started_warm(["serve"], port, **variables) as process:
        process.wait_until_ready()
        yield process


@contextmanager
def serving_from_cold(**variables: str) -> Iterator[Process]:
    """Like `serving`, but after a cold start (a new interpreter), for tests of the start itself."""
    port = free_port()
    with started(serve_command(port), port, **variables) as process:
        process.wait_until_ready()
        yield process
