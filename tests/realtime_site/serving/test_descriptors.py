"""A process that runs out of file descriptors refuses connections, logs it, and recovers."""

import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from realtime_site.serving.descriptors import RESERVED, DescriptorLimit
from tests.harness.paths import ROOT
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.processes import Process, environment, serve_command, started
from tools.ports import free_port

LIMIT = 128


@pytest.mark.parametrize(
    ("limit", "first", "highest"), [(1024, 20, 1024 - RESERVED), (1_048_576, 9, 1_048_576 - RESERVED), (64, 40, 52)]
)
def test_some_descriptors_are_reserved_for_the_process(limit: int, first: int, highest: int) -> None:
    descriptors = DescriptorLimit(limit)

    assert not descriptors.reached(first)
    assert not descriptors.reached(highest - 1)
    assert descriptors.reached(highest)


def test_a_process_that_starts_near_its_limit_still_serves() -> None:
    assert not DescriptorLimit(64).reached(62)


REFUSED = 'realtime_connections_refused_total{reason="file_descriptors"}'


def sample(http: httpx.Client, name: str) -> float:
    lines = http.get("/metrics").text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@pytest.mark.processes
def test_a_process_may_open_as_many_files_as_the_hard_limit_allows() -> None:
    port = free_port()
    command = ["sh", "-c", f'ulimit -Sn {LIMIT}; ulimit -Hn 512; exec "$@"', "sh", *serve_command(port)]
    with started(command, port) as process:
        process.wait_until_ready()
        limits = Path(f"/proc/{process.popen.pid}/limits").read_text()

    [line] = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert line.split()[3:5] == ["512", "512"]


@pytest.mark.processes
def test_running_out_of_descriptors_is_logged_and_counted_and_the_service_recovers() -> None:
    port = free_port()
    command = ["sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh", *serve_command(port)]
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, verify=NO_CERTIFICATES) as http,
        subprocess.Popen(command, cwd=ROOT, env=environment(port), stdout=out, stderr=err) as popen,  # noqa: S603
    ):
        process = Process(popen, http, port, out, err)
        try:
            process.wait_until_ready()
            with ExitStack() as stack:
                for _ in range(LIMIT * 2):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                during = http.get("/health/live").status_code  # on a connection that was open before
                until = time.monotonic() + 30
                while (refused := sample(http, REFUSED)) <= LIMIT / 2 and time.monotonic() < until:
                    time.sleep(0.1)
            with httpx.Client(
                base_url=http.base_url, timeout=10, transport=httpx.HTTPTransport(retries=5, verify=NO_CERTIFICATES)
            ) as another:
                process.http = another
                process.wait_until_ready()
            code = process.terminate()
            lines = [line for line in process.lines() if "out of file descriptors" in str(line["message"])]
        finally:
            popen.kill()

    assert (during, code) == (200, 0)
    assert refused > LIMIT / 2
    assert [(line["level"], line["limit"]) for line in lines] == [("error", LIMIT)]
