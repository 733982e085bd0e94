"""Starts the processes of a benchmark on loopback, waits until they listen, and ends them by their process id."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tools.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
LOOPBACK: Final = "127.0.0.1"
START_S: Final = 20.0
END_S: Final = 15.0
# Environment variables of the service begin with these. Those of the shell are removed, so that they cannot change the
# result.
OURS: Final = (
    *("CENTRIFUGO_", "FALLBACK_", "IDENTITY_", "OTEL_", "PROXY_", "LISTEN_", "LOG_LEVEL", "DEBUG", "ALLOWED_"),
    *("CHANNEL_", "FAMILY_", "RPC_", "BRIDGE_", "DJANGO_", "SPIFFE_"),
)


Environment = Mapping[str, str]


class BenchError(Exception):
    """A benchmark failed: a process did not start, or gave a wrong answer. The message contains the reason."""


def allow_many_connections(wanted: int) -> None:
    """Raise the limit of open files to `wanted`, if it is lower, for this process and its children.

    Raises BenchError if this is not allowed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise BenchError(f"{wanted} open files are needed, but only {hard} are allowed; raise ulimit -n.")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def process(
    name: str,
    arguments: list[str],
    port: int,
    environment: Environment,
    tree: Path = ROOT,
    *,
    program: str = sys.executable,
    own_session: bool = False,
) -> Iterator[int]:
    """Start `program` with `arguments`, and wait until it listens on `port`. Yields the process id.

    With `own_session`, the process gets its own session. If Linux divides the CPU among sessions (autogroup), each
    session gets the same share, whatever number of threads it has. Raises BenchError.
    """
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(  # noqa: S603
            [program, *arguments],
            cwd=tree,
            env={**without_ours(), **environment},
            stdout=output,
            stderr=output,
            start_new_session=own_session,
        ) as popen,
    ):
        try:
            wait_until_it_listens(name, popen, port, output)
            yield popen.pid
        finally:
            _end(popen)


def without_ours() -> dict[str, str]:
    """The environment of this process without the service's variables."""
    return {key: value for key, value in os.environ.items() if not key.startswith(OURS)}


def wait_until_it_listens(
    name: str, popen: "subprocess.Popen[bytes]", port: int, output: IO[bytes], within_s: float = START_S
) -> None:
    """Return when the process listens. If it does not listen in time, raise BenchError with the start of its output."""
    until = time.monotonic() + within_s
    while popen.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    written = os.pread(output.fileno(), 3000, 0).decode(errors="replace")
    raise BenchError(f"{name} does not listen on {LOOPBACK}:{port}. Its output:\n{written}")


def _end(popen: "subprocess.Popen[bytes]") -> None:
    popen.terminate()
    try:
        popen.wait(END_S)
    except subprocess.TimeoutExpired:
        popen.kill()


@contextmanager
def identity(*, hanging: bool = False) -> Iterator[str]:
    """Run an identity service, and yield its address. It accepts every ticket or, with `hanging`, never answers."""
    port = free_port()
    arguments = ["-m", "bench.parts.identity", str(port), *(["--hang"] if hanging else [])]
    with process("the identity stub", arguments, port, {}):
        yield f"{LOOPBACK}:{port}"


@contextmanager
def sink() -> Iterator[str]:
    """Run a span collector that discards everything, and yield its URL."""
    port = free_port()
    with process("the span sink", ["-m", "bench.parts.sink", str(port)], port, {}):
        yield f"http://{LOOPBACK}:{port}/v1/traces"


@contextmanager
def service(port: int, environment: Environment, tree: Path = ROOT, *, own_session: bool = False) -> Iterator[int]:
    """Run `manage.py serve` of the folder `tree` on `port`, and yield the process id.

    Tracing is off by default; `environment` can turn it on.
    """
    listen = {"LISTEN_HOST": LOOPBACK, "LISTEN_PORT": str(port), "OTEL_EXPORTER_OTLP_ENDPOINT": ""}
    variables = {**listen, **environment}
    with process("the service", ["manage.py", "serve"], port, variables, tree, own_session=own_session) as pid:
        yield pid


@contextmanager
def floor(port: int, environment: Environment) -> Iterator[int]:
    """Run the bare ASGI function of bench/parts/floor.py on `port`, and yield the process id."""
    with process("the floor", uvicorn_of("bench.parts.floor:app", port), port, environment) as pid:
        yield pid


@contextmanager
def peer(name: str, port: int, environment: Environment) -> Iterator[int]:
    """Run the service of the module `name` in bench/peers/ on `port`, and yield the process id."""
    with process(f"the peer {name}", uvicorn_of(f"bench.peers.{name}:app", port), port, environment) as pid:
        yield pid


def uvicorn_of(app: str, port: int) -> list[str]:
    """The arguments for Python that serve an ASGI application with uvicorn's fastest options."""
    listen = ["-m", "uvicorn", app, "--host", LOOPBACK, "--port", str(port)]
    return [*listen, "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
