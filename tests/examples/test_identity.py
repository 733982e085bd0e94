"""The identity services of examples/identity, behind a real `manage.py serve`."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.examples.identity import Build, Example, go_command, python_command, running
from tests.harness.bodies import INVALID_TICKET, POOL_MARKS, UNAVAILABLE
from tests.harness.processes import Process, serving
from tools.ports import free_port

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("identity-examples")]  # one worker generates the code

BUILDS: Final[dict[str, Build]] = {"python": python_command, "go": go_command}
BACK_S: Final = 30.0


@pytest.fixture(scope="module", params=BUILDS)
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return BUILDS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def example(command: list[str], address: str) -> Iterator[Example]:
    with running(command, address) as started:
        yield started


@pytest.fixture
def service(example: Example, address: str, tmp_path: Path) -> Iterator[Process]:
    """The service, with one fallback ticket and a short window."""
    pool = tmp_path / "pool"
    pool.write_text("fallback-ticket\n")
    pool.chmod(0o600)
    variables = {"IDENTITY_VALIDATE_DEADLINE_MS": "1000", "FALLBACK_DEGRADED_WINDOW_MS": "1000"}
    with serving(IDENTITY_VALIDATE_GRPC_ADDRESS=address, FALLBACK_TICKETS_PATH=str(pool), **variables) as process:
        yield process


def connect(service: Process, ticket: str) -> httpx.Response:
    body = {"client": "c-1", "transport": "websocket", "protocol": "json", "data": {"token": ticket}}
    return service.http.post("/centrifugo/connect", json=body)


def refresh(service: Process, user: str, meta: dict[str, Any]) -> httpx.Response:
    body = {"client": "c-1", "transport": "websocket", "protocol": "json", "user": user, "meta": meta}
    return service.http.post("/centrifugo/refresh", json=body)


def accepted(service: Process, ticket: str) -> dict[str, Any]:
    """The result for this ticket, once the service accepts it. A 503 here does not spend the ticket."""
    until = time.monotonic() + BACK_S
    while (response := connect(service, ticket)).status_code != 200:
        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert time.monotonic() < until, "the ticket is never accepted"
        time.sleep(0.1)
    result: dict[str, Any] = response.json()["result"]
    return result


def test_a_ticket_is_accepted_once(example: Example, service: Process) -> None:
    first, second = (connect(service, example.tickets["u-1"]) for _ in range(2))

    result = first.json()["result"]
    assert (first.status_code, result["user"], result["meta"]["family_id"]) == (200, "u-1", "f-1")
    assert result["meta"]["subscription_tier"] == "family"
    assert 500 < result["expire_at"] - time.time() < 700
    assert (second.status_code, second.json()) == (401, INVALID_TICKET)


def test_an_unknown_ticket_is_refused(service: Process) -> None:
    response = connect(service, "made-up")

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)


def test_a_refresh_extends_the_connection_of_a_known_user_and_ends_that_of_an_unknown_user(
    example: Example, service: Process
) -> None:
    meta = connect(service, example.tickets["u-2"]).json()["result"]["meta"]

    known, unknown = refresh(service, "u-2", meta), refresh(service, "u-3", meta)

    assert meta["parental_state"]["feature_lock_chat"] is True
    assert 500 < known.json()["result"]["expire_at"] - time.time() < 700
    assert unknown.json() == {"result": {"expired": True}}


def test_an_outage_opens_the_pool_and_ends_when_identity_is_back(
    command: list[str], address: str, example: Example, service: Process
) -> None:
    example.kill()

    assert (connect(service, "any").status_code, connect(service, "any").json()) == (503, UNAVAILABLE)
    assert accepted(service, "fallback-ticket")["meta"] == POOL_MARKS
    with running(command, address) as restarted:
        assert accepted(service, restarted.tickets["u-1"])["user"] == "u-1"


def test_the_example_exits_on_sigterm(example: Example) -> None:
    assert example.end(signal.SIGTERM) == 0


def test_the_example_in_python_exits_with_0_on_ctrl_c(tmp_path: Path, address: str) -> None:
    with running(python_command(tmp_path), address) as example:
        assert example.end(signal.SIGINT) == 0


@pytest.mark.usefixtures("example")
def test_a_second_example_cannot_listen_on_the_same_port(command: list[str], address: str) -> None:
    second = subprocess.run([*command, address], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603

    assert (second.returncode, second.stdout) == (1, "")
    assert "bind" in second.stderr
