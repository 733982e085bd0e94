"""The log line at startup."""

from pathlib import Path
from typing import Any

import pytest

from common.version import VERSION
from realtime_site.settings import env
from realtime_site.start_line import OF_THE_BRIDGE
from tests.harness.paths import ROOT
from tests.harness.processes import serving_from_cold

pytestmark = pytest.mark.processes


def start_line(**variables: str) -> dict[str, Any]:
    """The only startup line of a process with these variables."""
    with serving_from_cold(**variables) as process:
        process.terminate()
        (line,) = [line for line in process.lines() if line["message"] == "realtime proxy started"]
        return line


def test_one_line_has_the_version_the_state_and_the_settings(tmp_path: Path) -> None:
    pool = tmp_path / "tickets"
    pool.write_text("sEcReT-ticket\n")
    variables = {
        "CENTRIFUGO_PROXY_TOKEN": "sEcReT-token",
        "IDENTITY_VALIDATE_DEADLINE_MS": "700",
        "FALLBACK_TICKETS_PATH": str(pool),
        "CHANNEL_POLICY_PATH": str(ROOT / "policy.example.toml"),
        "RPC_BACKENDS": "diary=localhost:50061",
    }

    line = start_line(**variables)

    settings, given = line.pop("settings"), line.pop("given")
    del line["timestamp"]
    assert line == {
        "level": "info",
        "logger": "realtime_site",
        "message": "realtime proxy started",
        "version": VERSION,
        "answered_events": ["connect", "refresh", "subscribe", "sub_refresh", "publish", "rpc"],
        "pool_status": "loaded",
        "pool_size": 1,
    }
    assert list(settings) == [name for name in env.defaults if not name.startswith(OF_THE_BRIDGE)]
    assert given.items() <= settings.items()
    assert set(given) == {*variables, "LISTEN_HOST", "LISTEN_PORT"}
    assert settings["CENTRIFUGO_PROXY_TOKEN"] == "set"
    assert settings["IDENTITY_VALIDATE_DEADLINE_MS"] == 700
    assert settings["FALLBACK_TICKETS_PATH"] == str(pool)
    assert settings["RPC_BACKENDS"] == {"diary": "localhost:50061"}
    assert "sEcReT" not in str(settings)


def test_a_secret_given_instead_of_a_path_or_inside_an_address_is_not_shown() -> None:
    settings = start_line(
        CENTRIFUGO_PROXY_TOKEN="made-up",
        FALLBACK_TICKETS_PATH="sEcReT",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://user:sEcReT@127.0.0.1:1/v1/traces?key=sEcReT",
    )["settings"]

    assert "sEcReT" not in str(settings)
    assert settings["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://…@127.0.0.1:1/v1/traces?…"
