"""docs/runbook.md quotes the log lines that the service writes."""

import logging
import time
from typing import get_args

import pytest

from centrifugo_proxy.events.decision import (
    CallFailed,
    Decision,
    DisconnectChanged,
    ExpiryCut,
    GuardRefused,
    MetaMissing,
    Notice,
    TicketMissing,
)
from centrifugo_proxy.peers.rollover import Reason
from centrifugo_proxy.peers.spiffe.svid import Svid
from centrifugo_proxy.protocol import answers
from centrifugo_proxy.telemetry.operator_log import OperatorLog
from centrifugo_proxy.telemetry.peer_log import PeerLog
from centrifugo_proxy.telemetry.spiffe_log import SpiffeLog
from fallback.admission import PoolAccepted, PoolEmpty, PoolLow
from fallback.outage import OutageEnded, OutageOpened, OutageStatus
from fallback.tickets import LoadStatus
from realtime_site.logs import NAMES
from tests.documents.runbook import section

NOTICES = (
    OutageOpened(4, 3.01),
    PoolAccepted(1000, OutageStatus(True, 5, 4.026)),
    PoolLow(999, 1000),
    OutageEnded(7, 6.595, 0.4),
    CallFailed("identity", "UNAVAILABLE"),
    PoolEmpty(LoadStatus.LOADED),
    TicketMissing("data has no token; its fields: ticket"),
    GuardRefused("token_mismatch"),
    DisconnectChanged(1000, 200),
    ExpiryCut("identity", 1_900_000_000_000),
    MetaMissing(),
)


def test_every_log_line_about_a_request_is_in_the_runbook_with_its_level_and_fields(
    caplog: pytest.LogCaptureFixture,
) -> None:
    standard = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
    text = section("## What the logs say")
    caplog.set_level(logging.INFO)

    log = OperatorLog(time.monotonic)
    log.write("connect", Decision("success", 200, answers.Result({}), NOTICES, ValueError("invented")))

    assert {type(notice) for notice in NOTICES} == set(get_args(Notice))
    assert len(caplog.records) == len(NOTICES) + 1
    for record in caplog.records:
        fields = ", ".join(f"`{name}`" for name in record.__dict__ if name not in standard)
        row = f"| {NAMES[record.levelno]} | `{record.getMessage()}` | "
        assert f"\n{row}" in text
        if fields and not isinstance(record.exc_info, tuple):
            assert f"\n{row}{fields} |\n" in text


def test_every_log_line_about_peers_and_our_svid_is_in_the_runbook_with_its_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = section("## What the logs say")
    caplog.set_level(logging.INFO)
    svid = Svid("spiffe://example.org/realtime", (), b"", {}, serial=1, not_after=0.0)

    peer, spiffe = PeerLog("identity"), SpiffeLog(["identity"])
    peer.channel_replaced(Reason.SILENT)
    peer.tls_files_taken()
    peer.tls_files_refused("invented")
    for connected in (False, True, False):
        spiffe.agent_connected(connected, "UNAVAILABLE")
    spiffe.svid_taken(svid)
    spiffe.svid_expired(svid)
    spiffe.svid_refused("invented")
    spiffe.dialled("identity", "wrong_id", "invented")
    spiffe.closed_early("identity", 0.1, svid)

    assert len(caplog.records) == 11
    for record in caplog.records:
        assert f"\n| {NAMES[record.levelno]} | `{record.getMessage().replace('invented', '…')}` | " in text
