"""Admission: the outage detector, the pool and the claims decide together whether a ticket is accepted."""

import hashlib
from typing import NamedTuple

import pytest

from fallback.admission import Admission, PoolAccepted, PoolEmpty, PoolLow
from fallback.claims.claims import Claims, ClaimsState, NoClaims, Result
from fallback.claims.store import StoreKind
from fallback.outage import OutageDetector, OutageStatus
from fallback.tickets import LoadStatus, TicketPool

OUTAGE_S = 10.0


class Claimed(NamedTuple):
    """`Claims` that always return `result`. `used` is the number of tickets that the fleet has used."""

    result: Result
    used: int | None = None

    async def claim(self, digest: bytes) -> Result:
        return self.result

    def state(self) -> ClaimsState:
        return ClaimsState(StoreKind.REDIS, True, self.used, None)


def admission(
    *tickets: str,
    low_watermark: int = 0,
    status: LoadStatus = LoadStatus.LOADED,
    last_failure_s: float = OUTAGE_S,
    claims: Claims | None = None,
) -> Admission:
    """An admission whose calls to identity failed in second 0 and in `last_failure_s`, with a window of 5 seconds."""
    detector = OutageDetector(window_s=5)
    for now in (0, last_failure_s):
        detector.failed(detector.call_started(), now)
    pool = TicketPool.of(tickets, low_watermark)
    return Admission(detector, pool, status, connect_ttl_s=300, claims=claims or NoClaims())


async def test_a_pool_ticket_is_accepted_for_a_limited_time_with_a_user_made_from_its_digest() -> None:
    admitted = await admission("a", "b").admit("a", OUTAGE_S, wall_now=1_800_000_000.9)

    assert admitted is not None
    assert admitted.user == "fallback:" + hashlib.sha256(b"a").hexdigest()[:12]
    assert admitted.expire_at == 1_800_000_300
    assert admitted.notices == (PoolAccepted(1, OutageStatus(True, 2, OUTAGE_S, last_failure_age_s=0)),)


async def test_the_acceptance_that_crosses_the_watermark_has_a_notice() -> None:
    gate = admission("a", "b", "c", low_watermark=2)

    notices = [admitted.notices[1:] for ticket in "abc" if (admitted := await gate.admit(ticket, OUTAGE_S, 0))]

    assert notices == [(), (PoolLow(remaining=1, low_watermark=2),), ()]


@pytest.mark.parametrize("last_failure_s", [0, 5])
async def test_without_a_failure_after_the_window_no_client_is_accepted_and_no_ticket_is_used(
    last_failure_s: float,
) -> None:
    gate = admission("a", last_failure_s=last_failure_s)

    assert await gate.admit("a", OUTAGE_S, 0) is None
    assert (gate.may_consume("a"), gate.open, len(gate.pool)) == (False, False, 1)


async def test_a_ticket_that_is_not_in_the_pool_is_refused() -> None:
    gate = admission("a")

    assert await gate.admit("b", OUTAGE_S, 0) is None
    assert (gate.may_consume("b"), gate.open) == (False, True)


def test_may_consume_does_not_spend_the_ticket() -> None:
    gate = admission("a")

    assert gate.may_consume("a")
    assert gate.may_consume("a")
    assert len(gate.pool) == 1


@pytest.mark.parametrize(
    ("status", "is_open"), [(status, status is not LoadStatus.DISABLED) for status in LoadStatus], ids=list(LoadStatus)
)
def test_every_configured_pool_is_open_even_if_it_did_not_load(status: LoadStatus, is_open: bool) -> None:
    assert admission(status=status).open is is_open


async def test_there_is_a_notice_while_the_pool_is_open_and_empty() -> None:
    gate = admission("a")

    before, _, after = gate.empty_notice(), await gate.admit("a", OUTAGE_S, 0), gate.empty_notice()

    assert (before, after) == ((), (PoolEmpty(LoadStatus.LOADED),))
    assert admission(last_failure_s=0).empty_notice() == ()


@pytest.mark.parametrize(
    ("result", "accepted", "kept"),
    [
        (Result.WON, True, False),
        (Result.LOCAL, True, False),
        (Result.USED, False, False),
        (Result.ERROR, False, True),
    ],
)
async def test_an_error_of_a_claim_returns_the_ticket_to_the_pool_and_other_results_do_not(
    result: Result, accepted: bool, kept: bool
) -> None:
    gate = admission("a", claims=Claimed(result))

    admitted = await gate.admit("a", OUTAGE_S, 0)

    assert (admitted is not None, gate.holds("a")) == (accepted, kept)


@pytest.mark.parametrize(("used", "left"), [(None, 3), (0, 3), (2, 1), (3, 0), (5, 0)])
def test_tickets_used_in_the_fleet_are_subtracted_if_their_number_is_known(used: int | None, left: int) -> None:
    gate = admission("a", "b", "c", claims=Claimed(Result.WON, used))

    assert gate.tickets_left == left


async def test_tickets_that_this_process_has_used_count_as_used_even_if_the_store_does_not_know_them() -> None:
    gate = admission("a", "b", "c", claims=Claimed(Result.WON, 0))

    await gate.admit("a", OUTAGE_S, 0)

    assert gate.tickets_left == 2


def test_tickets_used_by_other_processes_cause_one_notice_about_the_watermark() -> None:
    gate = admission("a", "b", "c", low_watermark=2, claims=Claimed(Result.WON, 2))

    assert [gate.low_notice(), gate.low_notice()] == [(PoolLow(remaining=1, low_watermark=2),), ()]
