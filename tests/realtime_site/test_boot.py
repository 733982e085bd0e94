"""Startup and shutdown of the real process: `manage.py serve`, and a manually started uvicorn."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.certificates import Authority, needs_openssl
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, hanging
from tests.harness.manage import run_manage
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.processes import (
    START_S,
    Process,
    catches,
    serve_command,
    serving_from_cold,
    started,
    uvicorn_command,
)
from tests.harness.service import NO_CLAIMS, connect_body
from tools.ports import free_port

pytestmark = pytest.mark.processes

Command = Callable[[int], list[str]]
both_commands = pytest.mark.parametrize("command", [serve_command, uvicorn_command])


@pytest.fixture
def pool_file(tmp_path: Path) -> Path:
    """A pool of two tickets that only its owner can read."""
    file = tmp_path / "tickets"
    file.write_text("a-1\na-2\n")
    file.chmod(0o600)
    return file


def end_of(command: Command, port: int | None = None, /, **variables: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a process that ends by itself."""
    port = port or free_port()
    with started(command(port), port, **variables) as process:
        code = process.popen.wait(START_S)
        return code, process.stdout(), process.stderr()


CROSS_FIELD = {
    "fallback.E001": {"FALLBACK_DEGRADED_WINDOW_MS": "0"},
    "fallback.E002": {"FALLBACK_DEGRADED_WINDOW_MS": "2499"},
    "fallback.E003": {"FALLBACK_CONNECT_TTL_S": "59"},
}


@both_commands
@pytest.mark.parametrize("check", CROSS_FIELD)
def test_values_that_contradict_each_other_abort_startup(pool_file: Path, command: Command, check: str) -> None:
    code, out, err = end_of(command, FALLBACK_TICKETS_PATH=str(pool_file), **CROSS_FIELD[check])

    refused, message = err.splitlines()
    assert (code, out) == (1, "")
    assert refused == "Configuration refused:"
    assert message.startswith(f"{check}: {next(iter(CROSS_FIELD[check]))} ")


@both_commands
def test_an_invalid_value_aborts_startup(command: Command) -> None:
    code, out, err = end_of(command, PROXY_MAX_INFLIGHT="many", OTEL_TRACES_SAMPLER_ARG="2")

    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "Configuration refused:",
        "OTEL_TRACES_SAMPLER_ARG is '2'; accepted: 0.0–1.0.",
        "PROXY_MAX_INFLIGHT is 'many'; accepted: auto, or 1–100000.",
    ]


@both_commands
def test_an_unreadable_secret_file_aborts_startup(tmp_path: Path, command: Command) -> None:
    code, out, err = end_of(command, CENTRIFUGO_PROXY_TOKEN_FILE=str(tmp_path))

    refused, message = err.splitlines()
    assert (code, out, refused) == (1, "", "Configuration refused:")
    assert message.startswith(
        f"centrifugo_proxy.E002: CENTRIFUGO_PROXY_TOKEN_FILE: cannot read {tmp_path}: Is a directory."
    )


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["check_fallback_pool"], 3),
        (["pods"], 3),
        (["check_centrifugo_config", "config.json"], 3),
        (["check_policy", "policy.toml"], 3),
        (["bridge_lag"], 3),
        (["inspect_dead_letters"], 3),
        (["replay_dead_letters", "--all"], 3),
        (["simulate_outage"], 1),
        (["mint_fallback_tickets"], 1),
        (["check"], 1),
        ([], 1),
    ],
)
def test_with_an_invalid_environment_commands_that_report_a_state_exit_with_3_and_others_with_1(
    command: list[str], expected: int
) -> None:
    ended = run_manage(*command, LISTEN_PORT="abc")

    assert (ended.returncode, ended.stdout) == (expected, "")
    assert ended.stderr.splitlines() == ["Configuration refused:", "LISTEN_PORT is 'abc'; accepted: 1–65535."]


@pytest.mark.parametrize("command", ["check_fallback_pool", "check_centrifugo_config", "check_policy"])
def test_help_explains_the_exit_code_for_an_invalid_environment(command: str) -> None:
    text = " ".join(run_manage(command, "--help").stdout.split())
    assert "If the environment is invalid, nothing is checked, and a check_… command exits with 3 (unknown)." in text


def test_a_secret_that_is_set_both_directly_and_by_a_file_aborts_startup_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-the-file")

    code, out, err = end_of(
        serve_command, CENTRIFUGO_PROXY_TOKEN="from-the-variable", CENTRIFUGO_PROXY_TOKEN_FILE=str(file)
    )

    assert (code, out) == (1, "")
    assert "centrifugo_proxy.E001: CENTRIFUGO_PROXY_TOKEN and CENTRIFUGO_PROXY_TOKEN_FILE are both set." in err
    assert "from-the" not in err


@both_commands
def test_a_port_in_use_aborts_startup(command: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        code, _, err = end_of(command, port, CENTRIFUGO_PROXY_TOKEN="s3same")

    (line,) = err.splitlines()
    assert code == 3
    assert '"level":"error"' in line
    assert "address already in use" in line
    assert str(port) in line


@both_commands
def test_a_port_in_use_is_reported_at_any_log_level(command: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        code, _, err = end_of(command, other.getsockname()[1], CENTRIFUGO_PROXY_TOKEN="s3same", LOG_LEVEL="fatal")

    (line,) = err.splitlines()
    assert (code, "address already in use" in line) == (3, True)


def test_a_missing_tls_file_aborts_startup(tmp_path: Path) -> None:
    code, out, err = end_of(
        serve_command, IDENTITY_VALIDATE_NEGOTIATION_TYPE="tls", IDENTITY_TLS_CA_FILE=str(tmp_path / "ca.pem")
    )

    refused, message = err.splitlines()
    assert (code, out, refused) == (1, "", "Configuration refused:")
    assert message.startswith("centrifugo_proxy.E004: IDENTITY_TLS_CA_FILE: cannot read ")


@needs_openssl
@both_commands
async def test_a_failed_tls_handshake_writes_only_json_lines(
    identity: IdentityStub, tmp_path: Path, command: Command
) -> None:
    authority = Authority.in_folder(tmp_path)
    port = free_port()
    variables = {
        "IDENTITY_VALIDATE_GRPC_ADDRESS": identity.address,
        "IDENTITY_VALIDATE_NEGOTIATION_TYPE": "tls",
        "IDENTITY_TLS_CA_FILE": str(authority.ca),
    }

    with started(command(port), port, **variables) as process:
        await asyncio.to_thread(process.wait_until_ready)
        async with httpx.AsyncClient(base_url=str(process.http.base_url), verify=NO_CERTIFICATES) as http:
            answer = await http.post("/centrifugo/connect", json=connect_body("a-ticket"))
        await asyncio.to_thread(process.terminate)

        assert answer.status_code == 503
        lines = (process.stdout() + process.stderr()).splitlines()
        assert [line for line in lines if not line.startswith("{")] == []


def warnings_of(process: Process) -> list[str]:
    """The ids of all logged warnings, sorted."""
    messages = [str(line["message"]) for line in process.lines() if line["level"] == "warn"]
    return sorted(message.split(":")[0] for message in messages)


@both_commands
def test_each_warning_is_logged_once_and_the_service_starts(pool_file: Path, command: Command) -> None:
    pool_file.chmod(0o644)
    variables = {
        "FALLBACK_TICKETS_PATH": str(pool_file),
        "CENTRIFUGO_RESPONSE_MODE": "envelope",
        "CENTRIFUGO_UNAVAILABLE_CODE": "4503",
    }
    port = free_port()

    with started(command(port), port, **variables) as process:
        process.wait_until_ready()
        pool = process.http.get("/health").json()["fallback_pool"]
        process.terminate()

        assert pool == {"size": 2, "initial_size": 2, "status": "loaded", "low_watermark": 1000} | NO_CLAIMS
        assert warnings_of(process) == [
            "centrifugo_proxy.W001", "centrifugo_proxy.W002", "fallback.W002", "fallback.W003"
        ]  # fmt: skip


def test_debug_with_a_listen_address_outside_loopback_gives_a_warning() -> None:
    port = free_port()
    # The process listens on loopback because of uvicorn's --host. Only the setting has another address.
    variables = {"DEBUG": "true", "LISTEN_HOST": "0.0.0.0", "CENTRIFUGO_PROXY_TOKEN": "s3same"}

    with started(uvicorn_command(port), port, **variables) as process:
        process.wait_until_ready()

        assert warnings_of(process) == ["centrifugo_proxy.W003"]


@pytest.mark.parametrize(("content", "status"), [(None, "missing"), (b"\xff", "unreadable"), (b"# none\n", "empty")])
def test_the_service_starts_with_a_warning_if_the_pool_cannot_be_loaded(
    tmp_path: Path, content: bytes | None, status: str
) -> None:
    file = tmp_path / "tickets"
    if content is not None:
        file.touch(0o600)
        file.write_bytes(content)

    with serving_from_cold(FALLBACK_TICKETS_PATH=str(file), CENTRIFUGO_PROXY_TOKEN="s3same") as process:
        body = process.http.get("/health").json()

        assert body["fallback_pool"] == {
            "size": 0,
            "initial_size": 0,
            "status": status,
            "low_watermark": 1000,
            **NO_CLAIMS,
        }
        assert warnings_of(process) == ["fallback.W001"]


def test_a_guarded_service_with_a_valid_pool_has_no_warnings(pool_file: Path) -> None:
    with serving_from_cold(
        FALLBACK_TICKETS_PATH=str(pool_file), FALLBACK_LOW_WATERMARK="2", CENTRIFUGO_PROXY_TOKEN="s3same"
    ) as process:
        code = process.terminate()

        assert (code, process.stderr()) == (0, "")


def test_leftover_fallback_values_do_not_abort_startup_without_a_pool() -> None:
    with serving_from_cold(
        FALLBACK_TICKETS_PATH="", FALLBACK_DEGRADED_WINDOW_MS="0", FALLBACK_CONNECT_TTL_S="1"
    ) as process:
        assert process.http.get("/health").json()["fallback_pool"]["status"] == "disabled"


@pytest.mark.parametrize(
    ("command", "code"), [(serve_command, 0), (uvicorn_command, -signal.SIGTERM)], ids=["serve", "uvicorn"]
)
async def test_a_request_in_flight_is_answered_after_sigterm(
    identity: IdentityStub, command: Command, code: int
) -> None:
    """The signal terminates plain uvicorn in the end; `serve` exits with 0."""
    asked, release = asyncio.Event(), asyncio.Event()

    async def slow(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        asked.set()
        await release.wait()
        return pb.ValidateResponse(success=pb.Success(user_id="u-1"))

    identity.script = slow
    port = free_port()
    with started(command(port), port, IDENTITY_VALIDATE_GRPC_ADDRESS=identity.address) as process:
        process.wait_until_ready()
        async with httpx.AsyncClient(base_url=str(process.http.base_url), verify=NO_CERTIFICATES) as http:
            answer = asyncio.create_task(http.post("/centrifugo/connect", json=connect_body("a-ticket")))
            await asked.wait()
            process.popen.send_signal(signal.SIGTERM)
            while not await refuses(process):
                await asyncio.sleep(0.02)
            release.set()

            assert (await answer).json()["result"]["user"] == "u-1"
        assert await asyncio.to_thread(process.popen.wait, START_S) == code
        assert "Traceback" not in process.stderr()


def impatient_command(port: int) -> list[str]:
    """`serve` with one second for requests in flight instead of thirty."""
    code = """
from functools import partial
from realtime_site import boot
boot.configure()
from django.core.management import call_command
from centrifugo_proxy.management.commands import serve
serve.server_config = partial(serve.server_config, 1)
call_command("serve")
"""
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]], ids=["time limit", "second signal"]
)
async def test_a_hanging_request_delays_the_shutdown_no_longer_than_the_limit(
    identity: IdentityStub, signals: list[signal.Signals]
) -> None:
    asked = asyncio.Event()
    identity.script = hanging(asked)
    variables = {"IDENTITY_VALIDATE_GRPC_ADDRESS": identity.address, "IDENTITY_VALIDATE_DEADLINE_MS": "60000"}
    port = free_port()
    with started(impatient_command(port), port, **variables) as process:
        await asyncio.to_thread(process.wait_until_ready)
        async with httpx.AsyncClient(
            base_url=str(process.http.base_url), timeout=START_S, verify=NO_CERTIFICATES
        ) as http:
            request = asyncio.create_task(http.post("/centrifugo/connect", json=connect_body("a-ticket")))
            await asked.wait()
            for number in signals:
                process.popen.send_signal(number)
                await asyncio.sleep(0.2)
            answer = await request

        assert (answer.status_code, answer.json()) == (
            503, {"error": {"code": 100, "message": "shutting down", "temporary": True}}
        )  # fmt: skip
        assert await asyncio.to_thread(process.popen.wait, 5) == 0
        assert "Traceback" not in process.stderr()


async def refuses(process: Process) -> bool:
    """True if new connections are refused. Fails if, after SIGTERM, the service still reports that it is ready."""
    try:
        async with httpx.AsyncClient(base_url=str(process.http.base_url), verify=NO_CERTIFICATES) as http:
            assert (await http.get("/health/ready")).status_code == 503
    except httpx.TransportError:
        return True
    return False


def test_ctrl_c_ends_serve_without_a_traceback() -> None:
    with serving_from_cold(CENTRIFUGO_PROXY_TOKEN="s3same") as process:
        process.popen.send_signal(signal.SIGINT)

        assert (process.popen.wait(START_S), process.stderr()) == (0, "")


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1, 0.3])
def test_a_signal_ends_serve_while_it_starts(delay_s: float) -> None:
    port = free_port()

    with started(serve_command(port), port, CENTRIFUGO_PROXY_TOKEN="s3same") as process:
        while not catches(process.popen.pid, signal.SIGTERM):
            assert process.popen.poll() is None
            time.sleep(0.001)
        time.sleep(delay_s)

        assert (process.terminate(), process.stderr()) == (0, "")


def test_serve_stays_one_process_whatever_web_concurrency_is() -> None:
    with serving_from_cold(WEB_CONCURRENCY="3") as process:
        children = Path(f"/proc/{process.popen.pid}/task/{process.popen.pid}/children").read_text().split()

    assert children == []
