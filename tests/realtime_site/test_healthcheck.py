"""The image's HEALTHCHECK, run as in the container."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.paths import ROOT
from tests.harness.processes import START_S, environment, serve_command, started
from tools.ports import free_port

pytestmark = pytest.mark.processes


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 on loopback")


def healthcheck(*more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command of the Dockerfile with these environment variables."""
    command = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0]
    _, *arguments = json.loads(command)
    return subprocess.run(  # noqa: S603
        [sys.executable, *arguments, *more],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving_on(host: str) -> Iterator[int]:
    """The port of a started service with this LISTEN_HOST."""
    port = free_port()
    with started(serve_command(port), port, LISTEN_HOST=host) as process:
        until = time.monotonic() + START_S
        while "Application startup complete" not in process.stdout():
            assert process.popen.poll() is None, process.stderr()
            assert time.monotonic() < until, "the service did not start"
            time.sleep(0.03)
        yield port


@pytest.mark.parametrize("host", ["0.0.0.0", "", "localhost", pytest.param("::", marks=needs_ipv6)])
def test_a_service_is_healthy_on_every_listen_address(host: str) -> None:
    with serving_on(host) as port:
        ended = healthcheck(**environment(port, LISTEN_HOST=host))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_closed_port_is_unhealthy() -> None:
    port = free_port()

    ended = healthcheck(**environment(port))

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"no answer from 127.0.0.1 port {port}: ")


def test_a_bridge_is_checked_at_its_own_address() -> None:
    with serving_on("127.0.0.1") as port:
        ended = healthcheck("bridge", BRIDGE_LISTEN_PORT=str(port))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_an_invalid_environment_is_unhealthy() -> None:
    ended = healthcheck(LISTEN_HOST="[::]:9730")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("LISTEN_HOST is '[::]:9730'; accepted: an IPv4 address, an IPv6 address without")
