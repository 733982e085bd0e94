"""`manage.py check_fallback_pool`: its output and exit codes."""

import asyncio
import json
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from common.exit_codes import PluginState
from common.live_process import QueryFailed, base_url, get_json
from fallback.management.commands.check_fallback_pool import Command
from fallback.pool_report import judge
from fallback.tickets import LoadStatus
from tests.documents.runbook import assert_as_documented, section
from tests.harness.django_settings import Settings
from tests.harness.manage import run_manage
from tests.harness.service import service, uvicorn_service

HEALTH = {
    "status": "ok",
    "fallback_pool": {"size": 7, "initial_size": 9, "status": "loaded", "low_watermark": 5},
}

LOW = "below the low watermark; mint a new pool and roll it out"
MAY_REPEAT = "the store of claims does not answer, so another process may accept the same ticket"
REFUSES = (
    "the store of claims does not answer, and FALLBACK_CLAIMS_ON_ERROR is refuse: no client can connect while identity "
    "is down; bring the store back."
)
USED_UP = "every ticket is used up; mint a new pool and roll it out."
DISABLED = "no pool is configured (FALLBACK_TICKETS_PATH is empty); no client can connect while identity is down."


def check(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_fallback_pool", *arguments, stdout=output)
    return int(ended.value.code or 0), output.getvalue()


def checked_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    code, output = check("--json", *arguments)
    return code, json.loads(output)


def pool_file(folder: Path, count: int, extra: str = "") -> tuple[Path, list[str]]:
    tickets = [secrets.token_urlsafe(32) for _ in range(count)]
    path = folder / "pool.tickets"
    path.write_text("\n".join(tickets) + "\n" + extra)
    path.chmod(0o600)
    return path, tickets


@contextmanager
def answering(status: int, body: bytes = b"", **headers: str) -> Iterator[str]:
    """The URL of a server on loopback that answers every GET with this status, body and headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_pool_at_the_watermark_is_ok(tmp_path: Path, settings: Settings) -> None:
    path, _ = pool_file(tmp_path, 3, extra="# a comment\n")
    settings.FALLBACK_TICKETS_PATH, settings.FALLBACK_LOW_WATERMARK = str(path), 3

    code, output = check()

    assert (code, output.splitlines()) == (
        0,
        [
            "FALLBACK POOL OK: 3 tickets.",
            "  status: loaded",
            "  tickets: 3",
            "  duplicates: 0",
            "  low watermark: 3",
            "  file mode: 0600",
            f"  file: {path}",
        ],
    )


def test_one_ticket_below_the_watermark_gives_a_warning(tmp_path: Path, settings: Settings) -> None:
    path, _ = pool_file(tmp_path, 2)
    settings.FALLBACK_LOW_WATERMARK = 3

    code, output = check("--path", str(path))

    assert code == 1
    assert output.startswith(
        "FALLBACK POOL WARNING: 2 tickets, below the low watermark; mint a new pool and roll it out.\n"
    )


@pytest.mark.parametrize(
    ("watermark", "verdict"),
    [(1, "OK: 1 ticket."), (2, "WARNING: 1 ticket, below the low watermark; mint a new pool and roll it out.")],
)
def test_a_single_ticket_is_written_in_the_singular(
    tmp_path: Path, settings: Settings, watermark: int, verdict: str
) -> None:
    path, _ = pool_file(tmp_path, 1)
    settings.FALLBACK_LOW_WATERMARK = watermark

    _, output = check("--path", str(path))

    assert output.splitlines()[0] == f"FALLBACK POOL {verdict}"


def test_duplicates_count_once_and_are_reported(tmp_path: Path, settings: Settings) -> None:
    path, tickets = pool_file(tmp_path, 2)
    path.write_text("\n".join([*tickets, tickets[0]]))
    settings.FALLBACK_LOW_WATERMARK = 0

    code, report = checked_json("--path", str(path))

    assert code == 0
    assert (report["tickets"], report["duplicates"]) == (2, 1)


def test_a_deployment_without_a_pool_is_ok_and_the_output_explains_the_effect() -> None:
    code, output = check()

    assert code == 0
    assert output.startswith(
        "FALLBACK POOL OK: no pool is configured (FALLBACK_TICKETS_PATH is empty); "
        "no client can connect while identity is down.\n"
    )


def test_with_an_empty_path_the_state_is_unknown() -> None:
    code, output = check("--path", "")

    assert (code, output) == (3, "FALLBACK POOL UNKNOWN: --path is empty; give the path of a pool file.\n")


@pytest.mark.parametrize("status", ["missing", "unreadable", "empty"])
def test_with_a_pool_that_could_not_be_loaded_the_state_is_critical(tmp_path: Path, status: str) -> None:
    path = tmp_path / "pool"
    if status == "unreadable":
        path.mkdir()
    if status == "empty":
        path.write_text("# nothing\n")

    code, report = checked_json("--path", str(path))

    assert (code, report["state"], report["status"]) == (2, "critical", status)
    assert check("--path", str(path))[1].startswith(f"FALLBACK POOL CRITICAL: the pool is {status} (")


def test_a_file_that_others_can_read_is_reported(tmp_path: Path, settings: Settings) -> None:
    path, _ = pool_file(tmp_path, 2)
    path.chmod(0o644)
    settings.FALLBACK_LOW_WATERMARK = 0

    _, output = check("--path", str(path))

    assert "FALLBACK POOL OK: 2 tickets, in a file that every user of this machine can read.\n" in output
    assert "  file mode: 0644\n" in output


async def test_the_live_process_shows_how_many_tickets_are_left() -> None:
    tickets = [secrets.token_urlsafe(32) for _ in range(3)]
    async with uvicorn_service(tickets=tickets) as running:
        running.runtime.admission.pool.consume(tickets[0])
        url = str(running.http.base_url)

        code, report = await asyncio.to_thread(checked_json, "--url", url)

    assert (code, report) == (
        0,
        {
            "state": "ok",
            "source": "live",
            "location": url,
            "status": "loaded",
            "tickets": 2,
            "initial_tickets": 3,
            "duplicates": None,
            "low_watermark": 0,
            "file_mode": None,
            "claims": {"store": "none", "up": None, "used": None, "on_error": None},
            "detail": "",
        },
    )


@pytest.mark.parametrize(
    ("size", "status", "up", "on_error", "code", "verdict", "line"),
    [
        (7, "loaded", True, "refuse", 0, "OK: 7 tickets.", "redis, up"),
        (7, "loaded", False, "refuse", 2, f"CRITICAL: {REFUSES}", "redis, down (refuse on errors)"),
        (7, "loaded", False, "local", 1, f"WARNING: 7 tickets; {MAY_REPEAT}.", "redis, down (local on errors)"),
        (4, "loaded", False, "local", 1, f"WARNING: 4 tickets, {LOW}; {MAY_REPEAT}.", "redis, down (local on errors)"),
        (0, "loaded", False, "local", 2, f"CRITICAL: {USED_UP}", "redis, down (local on errors)"),
        (0, "disabled", False, "refuse", 0, f"OK: {DISABLED}", "redis, down (refuse on errors)"),
    ],
)
def test_the_store_of_claims_is_part_of_the_live_state(
    *, size: int, status: str, up: bool, on_error: str, code: int, verdict: str, line: str
) -> None:
    claims = {"store": "redis", "up": up, "used": 2, "on_error": on_error}
    pool = {"size": size, "initial_size": 9, "status": status, "low_watermark": 5, "claims": claims}
    with answering(200, json.dumps({"fallback_pool": pool}).encode()) as url:
        ended, output = check("--url", url)

    assert (ended, output.splitlines()[0]) == (code, f"FALLBACK POOL {verdict}")
    assert f"  claims: {line}" in output.splitlines()


async def test_health_has_the_fields_that_the_report_reads() -> None:
    async with service() as running:
        body = (await running.http.get("/health")).json()

    assert HEALTH["fallback_pool"].keys() <= body["fallback_pool"].keys()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("left", "watermark", "code"), [(5, 5, 0), (4, 5, 1), (1, 0, 0), (0, 5, 2), (0, 0, 2)], ids=str
)
def test_the_live_process_is_judged_by_its_own_watermark(left: int, watermark: int, code: int) -> None:
    pool = {"size": left, "initial_size": 9, "status": "loaded", "low_watermark": watermark}
    with answering(200, json.dumps({"fallback_pool": pool}).encode()) as url:
        ended = check("--url", url)[0]

    assert ended == code


@pytest.mark.parametrize(
    ("status", "body", "remedy"),
    [
        (404, b"", "/health answered 404; check that the host and port are this service's."),
        (
            502,
            b"",
            "/health answered 502; check the proxies between this machine and the process, or query the pod directly.",
        ),
        (
            302,
            b"",
            "/health answered 302; check the proxies between this machine and the process, or query the pod directly.",
        ),
        (200, b"<html>", "/health did not answer in JSON; check that the host and port are this service's."),
        (200, b"\xff", "/health did not answer in JSON; check that the host and port are this service's."),
        (200, b"[]", " is not this service's /health; check the host and the port."),
        (200, b"{}", " is not this service's /health; check the host and the port."),
        (200, b'{"fallback_pool": 1}', " is not this service's /health; check the host and the port."),
    ],
)
def test_with_any_other_answer_the_state_is_unknown_and_a_remedy_is_named(
    status: int, body: bytes, remedy: str
) -> None:
    with answering(status, body, Location="http://127.0.0.1:1/") as url:
        code, report = checked_json("--url", url)

    assert (code, report["state"], report["detail"]) == (3, "unknown", url + remedy)


@pytest.mark.parametrize(
    "pool",
    [
        {"size": True},
        {"size": -1},
        {"size": "7"},
        {"initial_size": None},
        {"low_watermark": 1.5},
        {"status": "fine"},
        {"status": None},
    ],
    ids=str,
)
def test_with_an_invalid_value_in_health_the_state_is_unknown(pool: dict[str, Any]) -> None:
    body = {"fallback_pool": {**HEALTH["fallback_pool"], **pool}}  # type: ignore[dict-item]
    with answering(200, json.dumps(body).encode()) as url:
        ended = check("--url", url)[0]

    assert ended == 3


def test_if_nothing_listens_on_the_port_the_state_is_unknown() -> None:
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        code, output = check("--url", url)

    assert code == 3
    assert output.splitlines() == [
        f"FALLBACK POOL UNKNOWN: no answer from {url}/health (Connection refused); check that the process runs and "
        "that the port can be reached from here, for example with kubectl port-forward pod/NAME 9730.",
        f"  live: {url}",
    ]


def test_proxies_in_the_environment_are_ignored_for_a_live_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)

    with answering(200, json.dumps(HEALTH).encode()) as url:
        code, output = check("--url", url)

    assert code == 0, output


def test_a_query_of_a_process_that_does_not_answer_times_out() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/health"

        with pytest.raises(QueryFailed, match="timed out"):
            asyncio.run(get_json(url, timeout_s=0.1))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9730",
        "ftp://host",
        "file:///etc/passwd",
        "http://",
        "http://host:0",
        "http://host:99999",
        "http://me:pw@host",
        "http://host/metrics",
        "http://host?x=1",
    ],
)
def test_a_url_that_cannot_be_the_services_is_refused(url: str) -> None:
    code, report = checked_json("--url", url)

    shown = "" if "@" in url else f" {url!r}"
    assert (code, report["detail"]) == (
        3,
        f"--url{shown} is not a URL of the service; accepted: a URL such as http://127.0.0.1:9730.",
    )


@pytest.mark.parametrize("url", ["http://host:9730", "http://host:9730/", "http://host:9730/health"])
def test_the_url_may_end_with_a_slash_or_with_the_path_of_health(url: str) -> None:
    assert base_url(url) == "http://host:9730"


def test_a_ticket_given_instead_of_the_pools_path_is_not_shown(settings: Settings) -> None:
    settings.FALLBACK_TICKETS_PATH = "made-up-ticket"

    code, report = checked_json()

    assert (code, report["location"]) == (2, "the file it names")


@pytest.mark.parametrize("status", LoadStatus)
def test_the_runbook_has_every_load_status_with_its_exit_code(status: LoadStatus) -> None:
    lines = section("## What each load status means").splitlines()
    rows = [line for line in lines if line.startswith(f"| `{status}` |")]
    expected = judge(status, 1 if status is LoadStatus.LOADED else 0, low_watermark=1)

    assert len(rows) == 1
    assert rows[0].split("| ")[-1].removesuffix(" |").split(";")[0] == str(int(expected))


def test_each_form_of_the_json_output_is_as_documented(tmp_path: Path) -> None:
    path, _ = pool_file(tmp_path, 2)

    for arguments in ([], ["--path", str(path)], ["--url", "http://127.0.0.1:1"]):
        assert_as_documented(checked_json(*arguments)[1], "### check_fallback_pool --json")


def test_exit_codes_are_the_same_in_the_runbook_and_in_help() -> None:
    text = section("### check_fallback_pool")

    assert all(f"| {int(state)} | {state.name.lower()} |" in text for state in PluginState)
    assert re.findall(r"^  (\d)  ", Command.epilog, re.MULTILINE) == [str(int(state)) for state in PluginState]


@pytest.mark.processes
def test_a_real_process_exits_with_the_documented_codes_and_never_prints_a_ticket(tmp_path: Path) -> None:
    path, tickets = pool_file(tmp_path, 3)
    environment = {"FALLBACK_TICKETS_PATH": str(path), "FALLBACK_LOW_WATERMARK": "4"}

    for arguments in ([], ["--json"], ["--path", str(tmp_path)], ["--help"]):
        ended = run_manage("check_fallback_pool", *arguments, **environment)

        assert ended.returncode == {"--path": 2, "--help": 0}.get("".join(arguments[:1]), 1), ended.stderr
        assert not [ticket for ticket in tickets if ticket in ended.stdout + ended.stderr]
        assert "Traceback" not in ended.stderr
