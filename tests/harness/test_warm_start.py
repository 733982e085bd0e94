"""Warm starts: processes that are forked from a server that has imported the libraries."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness.manage import run_manage, run_manage_from_cold
from tests.harness.paths import ROOT
from tests.harness.processes import serving, started_warm
from tests.harness.waiting import until
from tests.harness.warm_start import Started, possible
from tools.ports import free_port

pytestmark = pytest.mark.processes

FAILING = """
import os, signal
from pathlib import Path
from tests.harness.processes import serving
with serving() as process:
    print(process.popen.pid, flush=True)
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    server = int(status.partition("PPid:")[2].split()[0])
    {end}
    os._exit(1)
"""


COMMANDS = (["check_policy", "policy.example.toml"], ["check_policy", "/nowhere"], ["pods", "--unknown"], ["help"])


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_command_has_the_same_output_and_exit_code_after_a_warm_and_a_cold_start(arguments: list[str]) -> None:
    warm, cold = run_manage(*arguments), run_manage_from_cold(*arguments)

    assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)


def test_each_process_has_its_own_environment_and_imports_the_projects_modules_itself() -> None:
    with serving(LOG_LEVEL="trace") as first, serving(LOG_LEVEL="error") as second:
        codes = [process.terminate() for process in (first, second)]

        assert codes == [0, 0]
        assert '"level":"trace"' in first.stdout()
        assert second.stdout() == second.stderr() == ""


def test_a_signal_ends_only_its_process_and_the_exit_code_is_the_negative_signal_number() -> None:
    with serving() as first, serving() as second:
        first.popen.send_signal(signal.SIGKILL)

        assert first.popen.wait(20) == first.popen.poll() == -signal.SIGKILL
        assert second.popen.poll() is None


def test_waiting_too_briefly_for_a_process_raises_timeout_expired() -> None:
    with serving() as process, pytest.raises(subprocess.TimeoutExpired):
        process.popen.wait(0.01)


def test_the_end_of_the_context_kills_the_process() -> None:
    port = free_port()
    with started_warm(["serve"], port) as process:
        pass

    assert process.popen.poll() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.popen.pid, 0)


@pytest.mark.parametrize("end", ["pass", "os.kill(server, signal.SIGKILL)"], ids=["tests end", "server is killed too"])
async def test_processes_end_with_the_tests_that_started_them_and_with_their_server(end: str) -> None:
    command = [sys.executable, "-c", FAILING.replace("{end}", end)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603, ASYNC221

    pid = int(ended.stdout)
    await until(lambda: state(pid) == "Z")

    assert state(pid) == "Z"


def test_a_signal_to_a_process_whose_exit_code_has_not_arrived_yet_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with mine, its:
        its.send(str(ended.pid).encode())
        started = Started(mine)

        started.send_signal(signal.SIGTERM)

        assert started.poll() is None


def statuses_of_servers() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the process has just ended
            status = (process / "status").read_text()
            is_ours = f"\nPPid:\t{os.getpid()}\n" in status
            if is_ours and "tests.harness.fork_server" in (process / "cmdline").read_text():
                yield status


def test_a_server_has_only_one_thread_because_a_fork_copies_no_other_threads() -> None:
    with serving():
        run_manage("help")
        threads = [re.findall(r"Threads:\s+(\d+)", status) for status in statuses_of_servers()]

    assert len(threads) >= 2  # a server for `serve`, and one for the other commands
    assert threads == [["1"]] * len(threads)


@pytest.mark.parametrize("name", ["PYTHONUTF8", "LC_ALL", "TZ", "PROMETHEUS_MULTIPROC_DIR", "SSL_CERT_FILE"])
def test_a_variable_that_is_read_before_the_projects_modules_run_makes_a_warm_start_impossible(name: str) -> None:
    assert possible({"LISTEN_PORT": "9730"})
    assert not possible({"LISTEN_PORT": "9730", name: "/nowhere"})


def state(pid: int) -> str:
    """The state of a process as one letter, as in /proc. Z stands for a process that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"
