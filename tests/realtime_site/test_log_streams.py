"""If stdout or stderr accepts no log lines, the service works, counts and reports the lost lines, and ends normally."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.harness.paths import ROOT
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.processes import START_S, environment, serve_command
from tools.ports import free_port

pytestmark = pytest.mark.processes

DROPPED = "realtime_log_lines_dropped_total"
TICKETS = 1500  # for each a line of some 300 bytes is logged: together more than a pipe and the queue hold
LOST = "log lines were lost"


@dataclass
class Logging:
    """A service that logs to the streams of a test."""

    popen: subprocess.Popen[bytes]
    http: httpx.Client
    tickets: int = TICKETS

    def dropped(self) -> float:
        lines = self.http.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(DROPPED))

    def log(self, lines: int) -> None:
        """Send fallback tickets until the service has accepted this many. It logs a line at INFO for each accepted one.

        Identity is down. At first the service refuses tickets, until the outage has lasted long enough to use the pool.
        """
        while lines:
            self.tickets -= 1
            body = {"data": {"token": f"ticket-{self.tickets}"}}
            lines -= self.http.post("/centrifugo/connect", json=body).status_code == 200

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + START_S
        while not condition():
            assert self.popen.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(START_S)

    def is_ready(self) -> bool:
        try:
            return self.http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def logging_to(
    folder: Path, redirections: str = "", *, stdout: int | None = None, stderr: int | None = None
) -> Iterator[Logging]:
    """A ready service with these streams. `redirections` have the syntax of a shell, and override the streams."""
    pool = folder / "pool"
    pool.write_text("".join(f"ticket-{number}\n" for number in range(TICKETS)))
    pool.chmod(0o600)
    port = free_port()
    variables = environment(
        port,
        FALLBACK_TICKETS_PATH=str(pool),
        FALLBACK_LOW_WATERMARK="0",
        FALLBACK_DEGRADED_WINDOW_MS="1",
        IDENTITY_VALIDATE_DEADLINE_MS="1",
        IDENTITY_VALIDATE_GRPC_ADDRESS="127.0.0.1:1",
    )
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh", *serve_command(port)]
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, verify=NO_CERTIFICATES) as http,
        subprocess.Popen(command, cwd=ROOT, env=variables, stdout=stdout, stderr=stderr) as popen,  # noqa: S603
    ):
        service = Logging(popen, http)
        try:
            service.wait_for(service.is_ready)
            yield service
        finally:
            popen.kill()


def test_lines_for_an_unread_pipe_are_lost_and_then_reported_when_the_pipe_is_read(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    errors = tmp_path / "stderr"

    with logging_to(tmp_path, f"2>{errors}", stdout=write_end) as service:
        os.close(write_end)
        service.log(TICKETS - 100)
        dropped = service.dropped()
        os.set_blocking(read_end, False)
        read = bytearray()
        service.wait_for(lambda: LOST in errors.read_text() or read_more(service, read_end, read))
        code = service.end()

    lines = read.splitlines()
    assert dropped > 0
    assert errors.read_text().count(LOST) == 1
    reported = re.findall(r'"stream":"stdout","lines":(\d+)', errors.read_text())
    assert [int(lines) >= dropped for lines in reported] == [True]  # more lines may be lost before the reader begins
    assert all(line.startswith(b"{") and line.endswith(b"}") for line in lines)
    assert code == 0
    os.close(read_end)


def read_more(service: Logging, descriptor: int, read: bytearray) -> bool:
    """Read the available bytes, and log a line, which wakes the log's thread. Returns False: more bytes may come."""
    try:
        while part := os.read(descriptor, 65536):
            read += part
    except BlockingIOError:
        service.log(1)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_unread_pipes_do_not_prevent_the_shutdown(tmp_path: Path, number: signal.Signals) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"x" * fcntl.fcntl(write_end, fcntl.F_GETPIPE_SZ))

    with logging_to(tmp_path, stdout=write_end, stderr=write_end) as service:
        service.log(3)
        code = service.end(number)

    os.close(read_end)
    os.close(write_end)
    assert code == 0


@pytest.mark.parametrize(
    "redirections", [">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full", ">/dev/full 2>&1"], ids=str
)
def test_closed_or_full_streams_lose_log_lines_and_nothing_else(tmp_path: Path, redirections: str) -> None:
    with logging_to(tmp_path, redirections) as service:
        service.wait_for(lambda: service.dropped() > 0)
        before = service.dropped()
        service.log(20)
        service.wait_for(lambda: service.dropped() >= before + 20)
        code = service.end()

    assert code == 0


def test_a_connection_never_gets_the_descriptor_of_a_closed_stdout(tmp_path: Path) -> None:
    with logging_to(tmp_path, ">&- 2>&-") as service:
        links = {number: os.readlink(f"/proc/{service.popen.pid}/fd/{number}") for number in (0, 1, 2)}

    assert (links[1], links[2]) == ("/dev/null", "/dev/null")


def test_when_the_reader_of_a_pipe_ends_the_service_loses_only_log_lines_and_logs_no_traceback(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    errors = tmp_path / "stderr"

    with logging_to(tmp_path, f"2>{errors}", stdout=write_end) as service:
        os.close(write_end)
        os.close(read_end)
        service.log(20)
        service.wait_for(lambda: service.dropped() >= 20)
        code = service.end()

    assert code == 0
    assert "Traceback" not in errors.read_text()


def test_a_terminal_that_is_not_read_does_not_block_the_service(tmp_path: Path) -> None:
    master, slave = pty.openpty()

    with logging_to(tmp_path, stdout=slave, stderr=slave) as service:
        os.close(slave)
        service.log(200)  # more than a terminal's buffer holds
        code = service.end()

    shown = os.read(master, 65536).decode()
    os.close(master)
    assert code == 0
    assert " info  " in shown
