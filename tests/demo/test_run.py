"""`make run` as a new user runs it: start it, paste its lines into a shell, and end it with Ctrl-C.

A start takes seconds, so several tests share one demonstration.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.centrifugo import find_binary
from demo.lines import introduction
from demo.stage import POOL_TICKETS, running_stage
from tests.harness import centrifugo
from tests.harness.bodies import INVALID_TICKET, POOL_MARKS, UNAVAILABLE
from tests.harness.paths import ROOT
from tests.harness.processes import environment
from tools.kafka.broker import why_missing
from tools.ports import free_port

# The first test that uses a shared demonstration waits until the demonstration has ended.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

LAST_LINE = "Ctrl-C ends the demonstration.\n"

BINARY = centrifugo.binary(centrifugo.majors()[0])
CHAT = "family:family-1:chat"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the lines to paste use curl")
needs_kafka = pytest.mark.skipif(bool(why_missing()), reason=why_missing() or "Kafka is available")
needs_centrifugo = pytest.mark.skipif(
    BINARY is None,
    reason="Centrifugo is not available: `make centrifugo` builds it with Go, or CENTRIFUGO_BIN names another binary.",
)


shared = pytest.mark.xdist_group("demo")
shared_with_bridge = pytest.mark.xdist_group("demo-bridge")


def start(folder: Path, port: int, **variables: str) -> "subprocess.Popen[str]":
    named = {"CENTRIFUGO_BIN": str(BINARY)} if BINARY else {}
    return subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env=environment(port, TMPDIR=str(folder), **{"DEMO_BRIDGE": "off", **named, **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running_demo(folder: Path, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The process of the demonstration, and everything it printed until it was ready."""
    with start(folder, free_port(), **variables) as process:
        assert process.stdout is not None
        printed = ""
        while line := process.stdout.readline():
            printed += line
            if line == LAST_LINE:
                break
        try:
            assert printed.endswith(LAST_LINE), printed
            yield process, printed
        except BaseException as failure:
            process.terminate()
            failure.add_note(f"The demonstration's further output:\n{process.communicate(timeout=30)[0]}")
            raise
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=30)


def lines_to_paste(printed: str) -> list[str]:
    return re.findall(r"^    (.+)$", printed, re.MULTILINE)


def paste(line: str) -> str:
    shell = ["/bin/sh", "-c", line]
    return subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603


def answer_of(output: str) -> tuple[Any, int]:
    body, _, status = output.strip().rpartition(" ")
    return json.loads(body), int(status)


@dataclass(frozen=True)
class Run:
    """A demonstration that has ended: what it printed until it was ready and afterwards, and its exit code.

    `pasted` are its lines, each with its output. `leftovers` names processes, ports and files that outlived it.
    """

    printed: str
    pasted: list[tuple[str, str]]
    rest: str
    code: int
    leftovers: list[object]


def run_to_the_end(folder: Path, *, only: str, end: Callable[[int], None], **variables: str) -> Run:
    """Start a demonstration, paste its lines that contain `only` in order, and call `end` with its process id."""
    with running_demo(folder, **variables) as (process, printed):
        lines = [line for line in lines_to_paste(printed) if only in line] if shutil.which("curl") else []
        pasted = [(line, paste(line)) for line in lines]
        end(process.pid)
        rest, _ = process.communicate(timeout=30)
    processes: list[object] = [pid for pid in service_pids(printed) if alive(pid)]
    ports = [port for port in ports_of(printed) if answers(port)]
    return Run(printed, pasted, rest, process.returncode, [*processes, *ports, *folder.iterdir()])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A demonstration without the bridge. All its lines are pasted, and Ctrl-C ends it."""
    return run_to_the_end(tmp_path_factory.mktemp("demo"), only="", end=lambda pid: os.kill(pid, signal.SIGINT))


@pytest.fixture(scope="module")
def run_with_bridge(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A demonstration with the bridge. Its line with an event is pasted, and it ends because Kafka is killed."""
    folder = tmp_path_factory.mktemp("demo")
    return run_to_the_end(folder, only="/event", end=lambda pid: kill_child(pid, "kafka.Kafka"), DEMO_BRIDGE="")


def kill_child(parent: int, text: str) -> None:
    os.kill(child_with(parent, text), signal.SIGKILL)


@needs_curl
@shared
def test_the_pasted_lines_show_an_outage_from_its_beginning_to_its_end(run: Run) -> None:
    outputs = [output for line, output in run.pasted if "demo.client" not in line]
    tickets_of_clients = len([line for line, _ in run.pasted if "--ticket" in line])

    first, again, cut, during, elsewhere, watch, spare, spare_again, spare_elsewhere, third, back, after, well = outputs
    assert answer_of(first)[0]["result"]["user"] == "user-1"
    assert answer_of(again) == (INVALID_TICKET, 401)
    assert cut == "identity is down\n"
    assert answer_of(during) == answer_of(elsewhere) == (UNAVAILABLE, 503)
    statuses = [json.loads(line)["status"] for line in watch.splitlines()]
    assert (statuses[0], statuses[-1]) == ("ok", "degraded")
    assert answer_of(spare)[0]["result"]["meta"] == POOL_MARKS
    assert answer_of(spare_again) == answer_of(spare_elsewhere) == (UNAVAILABLE, 503)
    assert answer_of(third)[1] == 200
    assert back == "identity is up\n"
    assert answer_of(after)[0]["result"]["user"] == "user-2"
    health = [json.loads(line) for line in well.splitlines()]
    assert [each["status"] for each in health] == ["ok", "ok"]
    used = 2 + tickets_of_clients
    assert health[1]["fallback_pool"]["claims"] == {"store": "file", "up": True, "used": used, "on_error": "refuse"}
    assert health[1]["fallback_pool"]["size"] == POOL_TICKETS - used


@needs_curl
@needs_centrifugo
@shared
def test_the_pasted_lines_show_a_familys_chat_through_centrifugo(run: Run) -> None:
    outputs = [output for line, output in run.pasted if "demo.client" in line and "--ticket" not in line]
    alone, family, locked_meanwhile, locked, open_again = [output.splitlines() for output in outputs]

    entering = ["child: connected", f"child: joined {CHAT}", "child: received 'hello from the child' from child"]
    assert alone == [line.replace("child", "parent") for line in entering]
    assert sorted(family) == sorted([
        *entering,
        *alone,
        "child: received 'hello from the parent' from parent",
        "parent: received 'hello from the child' from child",
        "neighbour: connected",
        f"neighbour: may not join {CHAT}: 403 not allowed",
        f"neighbour: may not publish to {CHAT}: 403 not allowed",
    ])  # fmt: skip
    assert locked_meanwhile[-3:] == [
        "the child's chat is locked",
        f"child: removed from {CHAT}: 2501 subscription expired; subscribing again",
        f"child: may not join {CHAT}: 403 locked by a parent",
    ]
    assert locked == [
        "child: connected",
        f"child: may not join {CHAT}: 403 locked by a parent",
        f"child: may not publish to {CHAT}: 403 locked by a parent",
    ]
    assert open_again == ["the child's chat is open", *entering]


@needs_curl
@needs_centrifugo
@shared
def test_a_client_with_a_fallback_ticket_connects_through_centrifugo_but_may_not_join_the_chat(run: Run) -> None:
    [seen] = [output.splitlines() for line, output in run.pasted if "--ticket" in line]

    assert seen == [
        "ticket holder: connected",
        f"ticket holder: may not join {CHAT} for now: 403 not while the connection is degraded; trying again",
        f"ticket holder: may not publish to {CHAT}: 403 not while the connection is degraded",
    ]


async def test_without_centrifugo_the_demonstration_explains_how_to_get_it_and_continues(tmp_path: Path) -> None:
    binary = find_binary("", tmp_path / "not-built")

    async with running_stage(free_port(), binary) as stage:
        printed = introduction(stage)

    assert "Centrifugo is not available, so the page itself sends the requests that Centrifugo would send." in printed
    assert (len(lines_to_paste(printed)), "demo.client" in printed) == (13, False)


def test_a_centrifugo_bin_that_is_not_executable_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text("not a program")

    with start(tmp_path, free_port(), CENTRIFUGO_BIN=str(file)) as process:
        printed, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert printed == f"CENTRIFUGO_BIN is '{file}', which is not an executable file.\n"


@shared
def test_ctrl_c_ends_all_processes_and_removes_all_files(run: Run) -> None:
    assert run.code == 0
    text = "The demonstration has ended. All processes have exited, and all temporary files are removed.\n"
    assert run.rest.endswith(text)
    assert run.leftovers == []


def service_pids(printed: str) -> list[int]:
    """The process ids of both services, in the order in which they started."""
    pids = [int(pid) for pid in re.findall(r"Started server process \[(\d+)\]", printed)]
    assert len(pids) == 2, printed
    return pids


def ports_of(printed: str) -> set[int]:
    """Every printed loopback port: those of both services, identity, the page and Centrifugo."""
    return {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", printed)}


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("which", ["The service", "The second service"])
def test_the_demonstration_ends_if_a_service_ends(tmp_path: Path, which: str) -> None:
    with running_demo(tmp_path) as (process, printed):
        os.kill(service_pids(printed)[which != "The service"], signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert rest.endswith(f"{which} ended with code -9; the reason is above.\n")
    assert list(tmp_path.iterdir()) == []


def child_with(parent: int, text: str) -> int:
    """The process id of the only child of `parent` whose command line contains `text`."""
    lists = Path(f"/proc/{parent}/task").glob("*/children")  # one for each thread that started processes
    children = [pid for file in lists for pid in file.read_text().split()]
    [pid] = [int(pid) for pid in children if text in Path(f"/proc/{pid}/cmdline").read_text()]
    return pid


@needs_centrifugo
@needs_kafka
@pytest.mark.parametrize(
    ("command", "message", "bridge"),
    [
        ("centrifugo.json", "Centrifugo ended with code -9; the reason is above.", "off"),
        ("run_bridge", "The bridge ended with code -9; the reason is above.", ""),
    ],
    ids=["Centrifugo", "the bridge"],
)
def test_the_demonstration_ends_if_another_part_ends(tmp_path: Path, command: str, message: str, bridge: str) -> None:
    with running_demo(tmp_path, DEMO_BRIDGE=bridge) as (process, _):
        kill_child(process.pid, command)
        rest, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert message in rest
    assert list(tmp_path.iterdir()) == []


def test_the_message_about_a_port_in_use_names_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start(tmp_path, port) as process:
            printed, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert printed == (
        f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another port, for example make run "
        "LISTEN_PORT=9740, or end the program that uses this port.\n"
    )


def test_an_invalid_port_is_refused(tmp_path: Path) -> None:
    with start(tmp_path, 97300) as process:
        printed, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert printed == "LISTEN_PORT is '97300'; accepted: 1–65535.\n"


@needs_curl
@needs_centrifugo
@needs_kafka
@shared_with_bridge
def test_the_pasted_line_shows_an_event_passing_from_kafka_to_the_chat(run_with_bridge: Run) -> None:
    [(_, output)] = run_with_bridge.pasted
    written = output.splitlines()

    assert "an event was written to diary.entry.created.v1" in written
    assert "parent: received {'text': 'New in the diary: A walk'} from the server" in written


@needs_centrifugo
@needs_kafka
@shared_with_bridge
def test_the_demonstration_ends_if_kafka_ends(run_with_bridge: Run) -> None:
    assert run_with_bridge.code == 1
    assert "Kafka ended with code -9: " in run_with_bridge.rest
    assert run_with_bridge.leftovers == []


@shared
def test_with_the_bridge_turned_off_one_line_explains_why_it_does_not_run(run: Run) -> None:
    assert "The bridge does not run: DEMO_BRIDGE is off.\n" in run.printed


@shared
def test_the_address_of_the_page_is_printed_first_and_again_at_the_end(run: Run) -> None:
    first, *_, last_but_one, _ = run.printed.splitlines()

    address = re.findall(r"http://127\.0\.0\.1:\d+", first)
    assert first == f"The page: {address[0]} (the service and the other parts are starting)"
    assert last_but_one == f"A page with buttons for all this is at {address[0]}."
