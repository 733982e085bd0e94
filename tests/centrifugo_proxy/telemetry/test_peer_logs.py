"""The log lines about channels and about our SPIFFE identity."""

import logging
from typing import Any

import pytest

from centrifugo_proxy.peers.rollover import Reason
from centrifugo_proxy.peers.spiffe.svid import Svid
from centrifugo_proxy.telemetry.peer_log import PeerLog
from centrifugo_proxy.telemetry.spiffe_log import SpiffeLog

SVID = Svid("spiffe://example.org/realtime", (b"chain",), b"the-key", {}, serial=255, not_after=0.0)
FACTS = {"spiffe_id": "spiffe://example.org/realtime", "serial": "ff", "expires": "1970-01-01T00:00:00.000Z"}


def lines(caplog: pytest.LogCaptureFixture, *fields: str) -> list[tuple[Any, ...]]:
    """The level, the message and these fields of each log line."""
    return [
        (each.levelname, each.getMessage(), *(each.__dict__.get(name) for name in fields)) for each in caplog.records
    ]


def test_a_replaced_channel_is_logged_once_every_ten_seconds_for_each_reason_except_age(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now = [0.0]
    log = PeerLog("identity", lambda: now[0])

    for now[0] in (0.0, 1.0, 9.9, 10.0):
        log.channel_replaced(Reason.SILENT)
        log.channel_replaced(Reason.AGE)
    log.channel_replaced(Reason.FAILING)

    assert lines(caplog, "peer", "reason", "count") == [
        ("INFO", "channel replaced", "identity", "calls exceeded their deadline", 1),
        ("INFO", "channel replaced", "identity", "calls exceeded their deadline", 3),
        ("INFO", "channel replaced", "identity", "not connected", 1),
    ]


def test_new_tls_files_are_logged_and_broken_ones_are_an_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = PeerLog("identity")

    log.tls_files_taken()
    log.tls_files_refused("cannot read /tls/ca.pem: Permission denied")

    assert lines(caplog, "peer") == [
        ("INFO", "new TLS files taken", "identity"),
        (
            "ERROR",
            "new TLS files refused, the old ones stay in use: cannot read /tls/ca.pem: Permission denied",
            "identity",
        ),
    ]


def test_the_events_of_an_svid_are_logged_without_its_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = SpiffeLog(["identity"])

    log.agent_connected(False, "UNAVAILABLE")
    log.agent_connected(False, "UNAVAILABLE")
    log.agent_connected(True, "OK")
    log.svid_taken(SVID)
    log.agent_connected(False, "UNAVAILABLE")
    log.svid_expired(SVID)

    assert lines(caplog, "grpc_status", *FACTS) == [
        ("WARNING", "SPIFFE agent sends no SVID", "UNAVAILABLE", None, None, None),
        ("INFO", "SPIFFE agent connected", None, None, None, None),
        ("INFO", "SVID taken", None, *FACTS.values()),
        ("WARNING", "SPIFFE agent lost, any SVID stays in use until it expires", "UNAVAILABLE", None, None, None),
        ("ERROR", "SVID expired, its connections are closed", None, *FACTS.values()),
    ]
    assert "the-key" not in caplog.text


def test_an_agent_that_is_lost_again_and_again_is_logged_once_every_ten_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now = [0.0]
    log = SpiffeLog(["identity"], lambda: now[0])

    for now[0] in (0.0, 0.1, 9.9, 10.0):
        log.agent_connected(True, "OK")
        log.svid_taken(SVID)
        log.agent_connected(False, "UNAVAILABLE")
    log.agent_connected(True, "OK")

    taken, lost = "SVID taken", "SPIFFE agent lost, any SVID stays in use until it expires"
    assert lines(caplog, "grpc_status", "count") == [
        ("INFO", "SPIFFE agent connected", None, None),
        ("INFO", taken, None, 1),
        ("WARNING", lost, "UNAVAILABLE", 1),
        ("INFO", "SPIFFE agent connected", None, None),
        ("INFO", taken, None, 3),
        ("WARNING", lost, "UNAVAILABLE", 3),
        ("INFO", "SPIFFE agent connected", None, None),
    ]


def test_an_agent_that_stays_unreachable_is_logged_even_if_its_loss_was_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    log = SpiffeLog(["identity"], lambda: 0.0)

    for connected in (True, False, True, False, False, True):
        log.agent_connected(connected, "OK" if connected else "UNAVAILABLE")

    assert lines(caplog) == [
        ("INFO", "SPIFFE agent connected"),
        ("WARNING", "SPIFFE agent lost, any SVID stays in use until it expires"),
        ("INFO", "SPIFFE agent connected"),
        ("WARNING", "SPIFFE agent sends no SVID"),
        ("INFO", "SPIFFE agent connected"),
    ]


def test_failed_connections_are_logged_once_every_ten_seconds_for_each_result(caplog: pytest.LogCaptureFixture) -> None:
    log = SpiffeLog(["identity"])

    for _ in range(3):
        log.dialled("identity", "wrong_id", "its certificate has the ID spiffe://example.org/other")
        log.dialled("identity", "unreachable", "the connection failed: ConnectionRefusedError")
        log.dialled("identity", "ok", "")
        log.closed_early("identity", 0.0123, SVID)

    assert lines(caplog, "peer", "result", "problem", "ms") == [
        (
            "WARNING",
            "no connection to a peer",
            "identity",
            "wrong_id",
            "its certificate has the ID spiffe://example.org/other",
            None,
        ),
        (
            "WARNING",
            "no connection to a peer",
            "identity",
            "unreachable",
            "the connection failed: ConnectionRefusedError",
            None,
        ),
        (
            "WARNING",
            "a peer closed the connection after the handshake; it may have refused our SVID",
            "identity",
            None,
            None,
            12,
        ),
    ]
