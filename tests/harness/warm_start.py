"""Warm starts of manage.py: forks of a process that has imported the libraries (`fork_server`). They need Linux.

A process with a warm start has its own environment, streams, signals and exit code, and imports the project's modules
itself. Tests of the start itself use cold starts: a new interpreter (`tests.harness.processes.started`).
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Final

from tests.harness.fork_server import DISPOSITIONS
from tests.harness.paths import ROOT

# Prefixes of the variables that the interpreter reads when it starts. A server has the same values as its processes.
INTERPRETERS: Final = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC_", "OPENSSL_")
# Prefixes of the variables that the libraries read when they are imported. A server has none of these variables.
IMPORTS: Final = ("AIOHTTP_", "ASGI_", "PROMETHEUS_", "prometheus_", "PROTOCOL_BUFFERS_", "SSL")
GIVE_UP_S: Final = 60.0
END_S: Final = 20.0
LIBRARIES: Final = (
    "aiohttp", "asgiref.sync", "confluent_kafka", "django.conf", "django.core.checks", "django.core.management",
    "google.protobuf.descriptor_pb2", "httptools", "importlib.metadata", "logging.config", "msgspec", "orjson",
    "prometheus_client", "ssl", "tomllib", "uvicorn.main", "uvloop",
)  # fmt: skip
# `serve` does not load the ORM (realtime_site/left_out.py), but django.http and django.urls do.
LIBRARIES_OF_COMMANDS: Final = (*LIBRARIES, "django.http", "django.urls", "rich.console", "rich.progress", "yaml")


def possible(variables: Mapping[str, str]) -> bool:
    """True if a warm start is possible: neither the interpreter nor an import of a library reads these variables."""
    return not any(name.startswith((*INTERPRETERS, *IMPORTS)) for name in variables)


class Started:
    """A forked process, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, own: socket.socket) -> None:
        self._own = own
        self._lock = threading.Lock()
        self.returncode: int | None = None
        self.pid = int(own.recv(100))

    def poll(self) -> int | None:
        if self.returncode is None and self._readable(0):
            self._result()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not self._readable(timeout):
            raise subprocess.TimeoutExpired("manage.py", timeout or 0)
        return self._result()

    def _readable(self, timeout: float | None) -> bool:
        poll = select.poll()
        poll.register(self._own, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def _result(self) -> int:
        with self._lock:
            if self.returncode is None:
                self.returncode = int(self._own.recv(100) or -signal.SIGKILL)
            return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended, and its exit code has not arrived yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None) -> None:
        self.wait()
        self._own.close()


def start(arguments: Sequence[str], environment: Mapping[str, str], out: IO[bytes], err: IO[bytes]) -> Started:
    """Start `manage.py` with these arguments and this environment; `possible` must be true for its variables."""
    sys.audit("subprocess.Popen", "manage.py", ["manage.py", *arguments], None, None)  # see process_marks
    own = {name: value for name, value in environment.items() if name.startswith(INTERPRETERS) or name == "PATH"}
    ignored = [number for number in DISPOSITIONS if signal.getsignal(number) is signal.SIG_IGN]
    message = {"arguments": list(arguments), "environment": dict(environment), "ignored": ignored}
    libraries = LIBRARIES if "serve" in arguments[:1] else LIBRARIES_OF_COMMANDS
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        control = _server(libraries, tuple(sorted(own.items())))
        socket.send_fds(control, [json.dumps(message).encode()], [out.fileno(), err.fileno(), its.fileno()])
    return Started(mine)


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Like `subprocess.run` for `manage.py` with these arguments; `possible` must be true for its variables."""
    with TemporaryFile() as out, TemporaryFile() as err:
        with start(arguments, environment, out, err) as process:
            try:
                code = process.wait(GIVE_UP_S)
            finally:
                process.kill()
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(["manage.py", *arguments], code, out.read().decode(), err.read().decode())


@cache
def _server(libraries: Sequence[str], environment: Sequence[tuple[str, str]]) -> socket.socket:
    """The control socket of a server, which ends with this process."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.harness.fork_server", str(its.fileno()), *libraries]
    with its:
        server = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=dict(environment), pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(_end, server, mine)
    return mine


def _end(server: "subprocess.Popen[bytes]", control: socket.socket) -> None:
    control.close()
    try:
        server.wait(END_S)
    except subprocess.TimeoutExpired:
        server.kill()  # the system then kills the server's processes
