"""The log lines about decisions, and their limits."""

import logging
from typing import Any

import pytest

from centrifugo_proxy.events.decision import (
    CallFailed,
    DisconnectChanged,
    ExpiryCut,
    GuardRefused,
    Notice,
    TicketMissing,
)
from centrifugo_proxy.telemetry.operator_log import OperatorLog
from fallback.admission import PoolAccepted, PoolEmpty
from fallback.outage import OutageStatus
from fallback.tickets import LoadStatus
from tests.harness.fakes import FakeClock

REPEATED: list[Notice] = [
    CallFailed("identity", "UNAVAILABLE"),
    TicketMissing("there is no data"),
    GuardRefused("token_missing"),
    PoolEmpty(LoadStatus.LOADED),
    ExpiryCut("identity", 1_900_000_000_000),
    DisconnectChanged(code=1, reason_bytes=4, requested_by="identity"),
]


def fields(caplog: pytest.LogCaptureFixture, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(vars(record)[name] for name in names) for record in caplog.records]


@pytest.mark.parametrize("notice", REPEATED, ids=lambda notice: type(notice).__name__)
def test_a_repeated_notice_is_logged_once_every_ten_seconds_with_the_count(
    notice: Notice, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    log = OperatorLog(clock.monotonic)

    for wait_s in (0, 1, 8.9, 0.1, 3):
        clock.advance(wait_s)
        log.write_notices((notice,))

    assert fields(caplog, "levelname", "count") == [("WARNING", 1), ("WARNING", 3)]


def test_failed_calls_are_counted_separately_for_each_service_and_status(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    log = OperatorLog(clock.monotonic)

    for _ in range(3):
        log.write_notices((
            CallFailed("identity", "UNAVAILABLE"),
            CallFailed("identity", "DEADLINE_EXCEEDED"),
            CallFailed("rpc:diary", "UNAVAILABLE"),
        ))  # fmt: skip

    assert fields(caplog, "service", "grpc_status", "count") == [
        ("identity", "UNAVAILABLE", 1),
        ("identity", "DEADLINE_EXCEEDED", 1),
        ("rpc:diary", "UNAVAILABLE", 1),
    ]


def test_each_connection_on_a_pool_ticket_is_logged(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = OperatorLog(clock.monotonic)

    log.write_notices(tuple(PoolAccepted(left, OutageStatus(True, 2, 6.0)) for left in (2, 1, 0)))

    assert fields(caplog, "pool_remaining") == [(2,), (1,), (0,)]
