"""System checks of the pool. Each check has a case in which it reports its id, and a case in which it does not."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from fallback import tickets
from tests.harness.environment import settings_from

TICKETS = "made-up-1\nmade-up-2\n"
QUIET = {"FALLBACK_LOW_WATERMARK": "2"}


@pytest.fixture
def pool_file(tmp_path: Path) -> Path:
    """A file of two tickets that only its owner can read."""
    file = tmp_path / "tickets"
    file.write_text(TICKETS)
    file.chmod(0o600)
    return file


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that returns the messages of all checks in a process with these variables."""

    def check(**variables: str) -> list[CheckMessage]:
        settings = settings_from(CENTRIFUGO_PROXY_TOKEN="shared-token", **variables)
        loaded = tickets.load(settings["FALLBACK_TICKETS_PATH"], settings["FALLBACK_LOW_WATERMARK"])
        monkeypatch.setattr(apps.get_app_config("fallback"), "loaded", loaded)
        with override_settings(**settings):
            return run_checks()

    return check


def test_a_valid_pool_has_no_findings(findings: Any, pool_file: Path) -> None:
    assert findings(**QUIET, FALLBACK_TICKETS_PATH=str(pool_file)) == []


def test_leftover_values_are_not_checked_without_a_pool(findings: Any) -> None:
    left_over = {"FALLBACK_DEGRADED_WINDOW_MS": "0", "FALLBACK_CONNECT_TTL_S": "5", "FALLBACK_LOW_WATERMARK": "9"}

    assert findings(**left_over) == findings(**left_over, FALLBACK_TICKETS_PATH="") == []


def test_e001_reports_a_window_of_zero(findings: Any, pool_file: Path) -> None:
    (error,) = findings(**QUIET, FALLBACK_TICKETS_PATH=str(pool_file), FALLBACK_DEGRADED_WINDOW_MS="0")

    assert (error.id, error.is_serious()) == ("fallback.E001", True)
    assert error.msg == ("FALLBACK_DEGRADED_WINDOW_MS is 0 and a fallback pool is set: two failed calls open the pool.")


@pytest.mark.parametrize(
    ("window", "deadline", "expected"),
    [("1", "2500", ["fallback.E002"]), ("2499", "2500", ["fallback.E002"]), ("2500", "2500", []), ("1", "1", [])],
)
def test_e002_reports_a_window_shorter_than_one_call(
    findings: Any, pool_file: Path, window: str, deadline: str, expected: list[str]
) -> None:
    messages = findings(
        **QUIET,
        FALLBACK_TICKETS_PATH=str(pool_file),
        FALLBACK_DEGRADED_WINDOW_MS=window,
        IDENTITY_VALIDATE_DEADLINE_MS=deadline,
    )

    assert [message.id for message in messages] == expected
    assert all(message.is_serious() for message in messages)


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [("-1", 1), ("0", 1), ("59", 1), ("60", 0), ("3600", 0), ("3601", 1)],
)
def test_e003_reports_a_lifetime_of_fallback_connections_out_of_range(
    findings: Any, pool_file: Path, ttl: str, expected: int
) -> None:
    messages = findings(**QUIET, FALLBACK_TICKETS_PATH=str(pool_file), FALLBACK_CONNECT_TTL_S=ttl)

    text = f"FALLBACK_CONNECT_TTL_S is {ttl}; accepted with a fallback pool: 60–3600 seconds."
    assert [(message.id, message.msg) for message in messages] == [("fallback.E003", text)] * expected


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (None, "missing", "no such file"),
        (b"", "empty", "no ticket in the file"),
        (b"# only a comment\n\n", "empty", "no ticket in the file"),
        (b"made-up-1\n\xff\xfe\n", "unreadable", "not UTF-8 at line 2"),
    ],
)
def test_w001_reports_a_pool_that_did_not_load(
    findings: Any, pool_file: Path, content: bytes | None, status: str, detail: str
) -> None:
    pool_file.unlink() if content is None else pool_file.write_bytes(content)

    (warning,) = findings(**QUIET, FALLBACK_TICKETS_PATH=str(pool_file))

    assert (warning.id, warning.is_serious()) == ("fallback.W001", False)
    assert warning.msg == (
        f"FALLBACK_TICKETS_PATH: {pool_file} is {status} ({detail}): no client can connect while identity is down."
    )


def test_w001_does_not_show_a_ticket_given_instead_of_the_pools_path(findings: Any) -> None:
    (warning,) = findings(**QUIET, FALLBACK_TICKETS_PATH="made-up-1")

    assert warning.msg == (
        "FALLBACK_TICKETS_PATH: the file it names is missing (no such file): "
        "no client can connect while identity is down."
    )


def test_w001_reports_a_directory_given_instead_of_the_pool_file(findings: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    (warning,) = findings(**QUIET, FALLBACK_TICKETS_PATH=str(tmp_path))

    assert warning.id == "fallback.W001"
    assert "is unreadable (Is a directory)" in warning.msg


@pytest.mark.parametrize(("mode", "expected"), [(0o604, 1), (0o644, 1), (0o640, 0), (0o400, 0)])
def test_w002_reports_a_pool_file_that_others_can_read(
    findings: Any, pool_file: Path, mode: int, expected: int
) -> None:
    pool_file.chmod(mode)

    messages = findings(**QUIET, FALLBACK_TICKETS_PATH=str(pool_file))

    text = f"FALLBACK_TICKETS_PATH: {pool_file} has mode {mode:04o}: every user of this machine can read the tickets."
    assert [(message.id, message.msg) for message in messages] == [("fallback.W002", text)] * expected


@pytest.mark.parametrize(("watermark", "expected"), [("0", 0), ("2", 0), ("3", 1)])
def test_w003_reports_a_watermark_above_the_initial_size(
    findings: Any, pool_file: Path, watermark: str, expected: int
) -> None:
    messages = findings(FALLBACK_TICKETS_PATH=str(pool_file), FALLBACK_LOW_WATERMARK=watermark)

    text = f"The fallback pool starts with 2 tickets, below FALLBACK_LOW_WATERMARK ({watermark})."
    assert [(message.id, message.msg) for message in messages] == [("fallback.W003", text)] * expected


def test_every_finding_has_a_remedy_and_shows_no_ticket(findings: Any, pool_file: Path) -> None:
    pool_file.chmod(0o644)

    messages = [
        *findings(FALLBACK_TICKETS_PATH=str(pool_file), FALLBACK_DEGRADED_WINDOW_MS="0", FALLBACK_CONNECT_TTL_S="1"),
        *findings(FALLBACK_TICKETS_PATH="made-up-1", FALLBACK_DEGRADED_WINDOW_MS="1"),
    ]

    assert [message.id.removeprefix("fallback.") for message in messages] == [
        *("E001", "E003", "W003", "W002"),
        *("E002", "W001"),
    ]
    assert all(message.hint for message in messages)
    assert "made-up" not in str(messages)


def test_manage_py_check_fails_on_an_error(pool_file: Path) -> None:
    settings = settings_from(FALLBACK_TICKETS_PATH=str(pool_file), FALLBACK_DEGRADED_WINDOW_MS="0")

    with override_settings(**settings), pytest.raises(SystemCheckError, match=r"fallback\.E001"):
        call_command("check")


def test_manage_py_check_prints_a_warning(pool_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool_file.chmod(0o644)

    with override_settings(**settings_from(FALLBACK_TICKETS_PATH=str(pool_file))):
        call_command("check")

    assert "fallback.W002" in capsys.readouterr().err
