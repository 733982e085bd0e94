"""SIGTERM and SIGINT end a starting process at any moment after the first lines of manage.py, without a traceback.

SIGHUP and SIGQUIT shut a running service down like SIGTERM. SIGUSR1 and SIGUSR2 do not end it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.harness.environment import bare_environment
from tests.harness.paths import ROOT
from tests.harness.processes import START_S, Process, catches, serve_command, serving_from_cold, started
from tests.harness.warm_start import Started
from tools.ports import free_port

pytestmark = [pytest.mark.processes]

MOMENTS = 60 if os.environ.get("LONG_TESTS") else 8


def wait_for(popen: "subprocess.Popen[bytes] | Started", condition: Callable[[], bool]) -> None:
    until = time.monotonic() + START_S
    while not condition() and popen.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.001)


def boot_s() -> float:
    """The current duration of a startup on this machine, in seconds."""
    port = free_port()
    with started(serve_command(port), port) as process:
        began = time.monotonic()
        process.wait_until_ready()
        return time.monotonic() - began


def ended(process: Process) -> tuple[int, list[str]]:
    """The exit code, and the lines in the log that are not JSON."""
    code = process.popen.wait(START_S)
    return code, [line for line in (process.stdout() + process.stderr()).splitlines() if not line.startswith("{")]


def test_a_signal_at_any_moment_of_startup_ends_the_service_with_0() -> None:
    whole = boot_s() * 1.2
    seen = []

    for moment in range(MOMENTS):
        port = free_port()
        with started(serve_command(port), port) as process:
            wait_for(process.popen, lambda pid=process.popen.pid: catches(pid, signal.SIGTERM))  # type: ignore[misc]
            time.sleep(whole * moment / MOMENTS)
            process.popen.send_signal((signal.SIGTERM, signal.SIGINT)[moment % 2])
            seen.append(ended(process))

    assert seen == [(0, [])] * MOMENTS


@contextmanager
def not_ignored(number: signal.Signals) -> Iterator[None]:
    """Processes started inside do not ignore the signal. (A shell's background jobs and their children do.)"""
    before = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_sighup_and_sigquit_shut_the_service_down_like_sigterm(number: signal.Signals) -> None:
    with not_ignored(number), serving_from_cold() as process:
        process.popen.send_signal(number)
        code, strays = ended(process)

        assert (code, strays) == (0, [])
        assert "Application shutdown complete." in process.stdout()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_sigusr1_and_sigusr2_do_not_end_the_service(number: signal.Signals) -> None:
    with serving_from_cold() as process:
        process.popen.send_signal(number)
        answer = process.http.get("/health/ready")

        assert (answer.status_code, process.popen.poll()) == (200, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("arguments", [["check_policy", "policy.example.toml"], ["run_bridge", "--check"]])
def test_a_signal_during_the_imports_of_a_command_ends_it_without_a_traceback(
    arguments: list[str], number: signal.Signals
) -> None:
    command = [sys.executable, "manage.py", *arguments]
    environment = bare_environment()

    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as popen:  # noqa: S603
        wait_for(popen, lambda: catches(popen.pid, signal.SIGTERM))
        popen.send_signal(number)
        out, err = popen.communicate(timeout=START_S)

    assert (popen.returncode, out, err) == (128 + number, b"", b"")
