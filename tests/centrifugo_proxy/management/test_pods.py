"""`manage.py pods` against five real processes.

One process is healthy, one hangs, one has ended, one is in an outage, and one has no tickets.
"""

import json
import os
import pty
import re
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from centrifugo_proxy.management.commands.pods import Command
from common.exit_codes import PluginState
from tests.documents.runbook import section
from tests.harness.manage import run_manage
from tests.harness.paths import DEPLOY, ROOT
from tests.harness.processes import Process, started_warm
from tests.harness.service import connect_body
from tools.ports import free_port

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("pods")]  # one worker runs the module's processes

CLOSED = "http://127.0.0.1:1"
SETTINGS = {
    "IDENTITY_VALIDATE_GRPC_ADDRESS": "127.0.0.1:1",
    "IDENTITY_VALIDATE_DEADLINE_MS": "100",
    "FALLBACK_DEGRADED_WINDOW_MS": "100",
    "FALLBACK_LOW_WATERMARK": "2",
}
WATCH_S = 30.0


class Five(NamedTuple):
    healthy: Process
    hanging: Process
    ended_pod: Process
    outage: Process
    empty: Process

    def options(self, *names: str) -> list[str]:
        """A --url option for each named process, or for all five."""
        return [f"--url=http://127.0.0.1:{getattr(self, name).port}" for name in names or self._fields]


@contextmanager
def running(variables: dict[str, str]) -> Iterator[Process]:
    """A service that is still starting. Connections to its identity service are refused."""
    port = free_port()
    variables = {**SETTINGS, **variables}
    with started_warm(["serve"], port, **variables) as process:
        yield process


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Five]:
    folder = tmp_path_factory.mktemp("pools")
    pools = {name: folder / name for name in Five._fields}
    for name, path in pools.items():
        lines = [] if name == "empty" else [secrets.token_urlsafe(16) for _ in range(3)]
        path.write_text("# a pool\n" + "\n".join(lines))
        path.chmod(0o600)
    with ExitStack() as stack:
        starting = [stack.enter_context(running({"FALLBACK_TICKETS_PATH": str(pools[name])})) for name in Five._fields]
        for process in starting:
            process.wait_until_ready()
        five = Five(*starting)
        five.hanging.popen.send_signal(signal.SIGSTOP)
        five.ended_pod.terminate()
        connect_until_degraded(five.outage)
        yield five


def connect_until_degraded(process: Process) -> None:
    until = time.monotonic() + WATCH_S
    while not process.http.get("/health").json()["identity_outage"]["degraded"]:
        process.http.post("/centrifugo/connect", json=connect_body("not-in-the-pool"))
        assert time.monotonic() < until


def pods_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the object that --json prints."""
    ended = run_manage("pods", "--json", *arguments)
    body: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, body


def test_every_pod_is_reported_even_if_it_does_not_answer(five: Five) -> None:
    code, report = pods_json(*five.options())
    healthy, hanging, ended_pod, outage, empty = report["pods"]

    assert (code, report["state"], report["sum"]) == (1, "warning", {"pods": 5, "answered": 3, "tickets": 6})
    assert [pod["answered"] for pod in report["pods"]] == [True, False, False, True, True]
    assert [pod["ready"] for pod in report["pods"]] == [True, None, None, True, True]
    assert "(timed out)" in hanging["error"]
    assert "(Connection refused)" in ended_pod["error"]
    assert outage["identity_outage"]["degraded"] is True
    assert [pod["fallback_pool"]["size"] for pod in (healthy, outage, empty)] == [3, 3, 0]
    assert empty["fallback_pool"]["status"] == "empty"
    assert healthy["connects_per_s"]["success"] == 0.0


def test_silent_pods_delay_the_report_by_at_most_two_seconds(five: Five) -> None:
    begun = time.monotonic()
    pods_json(*five.options("healthy"))
    without_s = time.monotonic() - begun
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        begun = time.monotonic()
        _, report = pods_json(
            *five.options("healthy"), *(f"--url=http://127.0.0.1:{each.getsockname()[1]}" for each in silent)
        )
        with_s = time.monotonic() - begun

    assert [pod["answered"] for pod in report["pods"]] == [True, *[False] * 4]
    assert with_s < without_s + 2.0 + 3.0  # three seconds for a busy machine


@pytest.mark.parametrize(
    ("names", "code"),
    [(["healthy"], 0), (["healthy", "ended_pod"], 1), (["outage"], 1), (["empty"], 1), (["ended_pod"], 2)],
)
def test_the_exit_code_is_the_state_of_the_fleet(five: Five, names: list[str], code: int) -> None:
    assert run_manage("pods", *five.options(*names)).returncode == code


def test_an_outage_in_a_pod_without_tickets_is_critical(five: Five, tmp_path: Path) -> None:
    pool = tmp_path / "empty"
    pool.touch(mode=0o600)
    with running({"FALLBACK_TICKETS_PATH": str(pool)}) as process:
        process.wait_until_ready()
        connect_until_degraded(process)

        code, report = pods_json(*five.options("healthy"), f"--url=http://127.0.0.1:{process.port}")

    assert (code, report["state"]) == (2, "critical")


def test_output_into_a_pipe_is_plain_ascii_lines(five: Five) -> None:
    lines = run_manage("pods", *five.options("healthy", "ended_pod")).stdout.splitlines()

    assert lines[0] == "PODS WARNING: 1 of 2 pods answers."
    assert lines[1].split() == ["pod", "version", "ready", "outage", "tickets", "connects/s", "empty", "in"]
    assert lines[2].split()[0] == f"127.0.0.1:{five.healthy.port}"
    assert [line.split()[0] for line in lines[3:5]] == [f"127.0.0.1:{five.ended_pod.port}", "sum"]
    assert lines[5].startswith(f"127.0.0.1:{five.ended_pod.port}: no answer from ")
    assert all(line.isascii() for line in lines)


def test_an_address_that_two_options_name_is_queried_once(five: Five) -> None:
    code, report = pods_json("--dns", f"127.0.0.1:{five.healthy.port}", *five.options("healthy"))

    assert (code, [pod["url"] for pod in report["pods"]]) == (0, [f"http://127.0.0.1:{five.healthy.port}"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--url", "127.0.0.1:9730"],
        ["--url", "http://me:pw@host"],
        ["--url", "http://does-not-exist.invalid:9730"],
        ["--url", "http://label..missing:9730"],
        ["--dns", "does-not-exist.invalid:9730"],
        ["--dns", f"{'x' * 64}.invalid:9730"],
        ["--dns", "localhost"],
        ["--dns", "localhost:0"],
        ["--dns", "http://localhost:9730"],
        ["--url", CLOSED, "--interval", "0.9"],
        ["--url", CLOSED, "--interval", "nan"],
        ["--url", CLOSED, "--interval", "soon"],
        ["--unknown"],
    ],
)
def test_the_state_is_unknown_if_no_pod_can_be_queried(arguments: list[str]) -> None:
    ended = run_manage("pods", *arguments)

    assert ended.returncode == PluginState.UNKNOWN
    assert ended.stderr or ended.stdout.startswith("PODS UNKNOWN")
    assert "Traceback" not in ended.stderr
    assert "pw" not in ended.stdout + ended.stderr


def test_the_state_is_unknown_with_an_invalid_environment() -> None:
    assert run_manage("pods", "--url", CLOSED, LISTEN_PORT="x").returncode == PluginState.UNKNOWN


def test_the_watch_option_redraws_its_lines_in_place_and_exits_with_the_state(five: Five) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "manage.py", "pods", "--watch", *five.options("healthy", "ended_pod")]
    variables = {**os.environ, "TERM": "xterm", "COLUMNS": "150", "DJANGO_SETTINGS_MODULE": "realtime_site.settings"}
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=terminal, stderr=terminal) as watching:  # noqa: S603
        os.close(terminal)
        shown = read_until(controller, b"PODS", times=3)
        watching.send_signal(signal.SIGINT)
        read_until(controller, b"", times=0)
        code = watching.wait(WATCH_S)
    os.close(controller)

    assert code == 1
    assert b"\x1b[2J" not in shown  # the screen is never cleared, so it does not flicker
    assert len(re.findall(rb"\x1b\[1A", shown)) >= 2  # the lines are overwritten one by one
    assert b"Traceback" not in shown


def read_until(controller: int, wanted: bytes, times: int) -> bytes:
    """Read the terminal until `wanted` has appeared `times` times. If `times` is 0, read until the terminal closes."""
    shown, until = b"", time.monotonic() + WATCH_S
    while times == 0 or shown.count(wanted) < times:
        assert time.monotonic() < until, shown
        if select.select([controller], [], [], 0.1)[0]:
            try:
                shown += os.read(controller, 65536)
            except OSError:  # the other side has closed the terminal
                break
    return shown


def test_the_watch_option_with_json_prints_one_object_per_round_into_a_pipe(five: Five) -> None:
    command = [sys.executable, "manage.py", "pods", "--watch", "--json", *five.options("healthy")]
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "realtime_site.settings"}
    with subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        rounds = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.stdout.close()  # the reader stops
        code, errors = watching.wait(WATCH_S), watching.stderr.read()

    assert [each["state"] for each in rounds] == ["ok"] * 2
    assert (code, errors) == (0, b"")


def test_exit_codes_are_the_same_in_the_runbook_and_in_help() -> None:
    described = re.findall(r"^  (\d)  ", Command.epilog, re.MULTILINE)

    assert described == [str(int(state)) for state in PluginState]
    assert [f"| {int(state)} | {state.name.lower()} |" in section("### pods") for state in PluginState] == [True] * 4


def test_the_help_names_the_headless_service_of_the_deployment() -> None:
    manifest = (DEPLOY / "flux" / "apps" / "realtime-service" / "base" / "service.yaml").read_text()

    assert "name: realtime-service-pods" in manifest
    assert "realtime-service-pods:9730" in run_manage("pods", "--help").stdout
