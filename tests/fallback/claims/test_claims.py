"""The claims of one process, with a store that the tests turn on and off."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fallback.claims.claims import Conflict, NoClaims, OnError, Result, SharedClaims, StoreDown, StoreEvicts, StoreUp
from fallback.claims.gate import RETRY_S
from fallback.claims.keeper import SENT_A_TICK, keeping
from fallback.claims.keys import ticket_key
from fallback.claims.store import Answer, StoreError, StoreKind
from tests.fallback.claims.claiming import Remembered, digest, remembered
from tests.harness.fakes import FakeClock

TICKETS = [digest(f"ticket-{number}") for number in range(250)]


@dataclass
class Store:
    """A store that tests turn on and off.

    `asked` has every key that was claimed. `used` has the keys that another process has claimed before.
    """

    up: bool = True
    hangs: bool = False
    policy: str = ""
    used: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    contacts: int = 0
    closed: bool = False
    kind = StoreKind.REDIS

    async def claim(self, key: str) -> Answer:
        self.asked.append(key)
        await self._reached()
        return Answer(key not in self.used, len(self.asked))

    async def contact(self) -> int:
        self.contacts += 1
        await self._reached()
        return 7

    async def _reached(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if not self.up:
            raise StoreError("invented")

    async def evicts(self) -> str:
        return self.policy

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def store() -> Store:
    return Store()


def shared(store: Store, clock: FakeClock, on_error: OnError = OnError.REFUSE, deadline_s: float = 5.0) -> SharedClaims:
    return SharedClaims(store, on_error, deadline_s, clock.monotonic, Remembered())


async def test_without_a_store_every_claim_is_won() -> None:
    assert await NoClaims().claim(TICKETS[0]) is Result.WON


async def test_a_store_that_hangs_is_given_up_at_the_deadline(store: Store, clock: FakeClock) -> None:
    store.hangs = True
    claims = shared(store, clock, deadline_s=0.02)

    assert await claims.claim(TICKETS[0]) is Result.ERROR
    [down] = remembered(claims).notices
    assert down == StoreDown(StoreKind.REDIS, "no answer within 20 ms", OnError.REFUSE)


async def test_after_a_failure_one_claim_per_second_reaches_the_store(store: Store, clock: FakeClock) -> None:
    store.up = False
    claims = shared(store, clock)
    for _ in range(5):
        await claims.claim(TICKETS[0])
    clock.advance(RETRY_S)
    for _ in range(5):
        await claims.claim(TICKETS[0])

    assert len(store.asked) == 2
    assert remembered(claims).results == [Result.ERROR] * 10


async def test_after_a_successful_contact_claims_reach_the_store_at_once(store: Store, clock: FakeClock) -> None:
    store.up = False
    claims = shared(store, clock)
    await claims.claim(TICKETS[0])
    store.up = True

    assert await claims.contact()
    assert await claims.claim(TICKETS[0]) is Result.WON
    assert (claims.state().up, claims.used) == (True, 7)
    assert [type(notice) for notice in remembered(claims).notices] == [StoreDown, StoreUp]


async def test_an_eviction_policy_is_reported_at_the_first_contact_and_after_each_recovery(
    store: Store, clock: FakeClock
) -> None:
    store.policy = "allkeys-lru"
    claims = shared(store, clock)
    for up in (True, True, False, True):
        store.up = up
        await claims.contact()

    assert remembered(claims).notices.count(StoreEvicts("allkeys-lru")) == 2


async def test_tickets_accepted_locally_are_claimed_afterwards_and_conflicts_are_counted(
    store: Store, clock: FakeClock
) -> None:
    store.up, store.used = False, {ticket_key(TICKETS[1])}
    claims = shared(store, clock, OnError.LOCAL)
    results = [await claims.claim(ticket) for ticket in TICKETS[:3]]
    store.up, store.asked = True, []
    await claims.send_unsent(2)

    assert results == [Result.LOCAL] * 3
    assert store.asked == [ticket_key(ticket) for ticket in TICKETS[:2]]
    assert list(claims.unsent) == [ticket_key(TICKETS[2])]
    assert remembered(claims).results == [Result.LOCAL] * 3 + [Result.CONFLICT]
    assert remembered(claims).notices[-1] == Conflict(1)


async def test_a_claim_that_cannot_be_sent_stays_queued(store: Store, clock: FakeClock) -> None:
    store.up = False
    claims = shared(store, clock, OnError.LOCAL)
    await claims.claim(TICKETS[0])
    await claims.send_unsent(100)

    assert list(claims.unsent) == [ticket_key(TICKETS[0])]


async def test_the_background_task_sends_a_hundred_claims_per_tick_and_closes_the_store_at_the_end(
    store: Store, clock: FakeClock
) -> None:
    store.up = False
    claims = shared(store, clock, OnError.LOCAL)
    for ticket in TICKETS:
        await claims.claim(ticket)
    store.up, store.asked = True, []
    sent: list[int] = []

    async with keeping(claims, lambda: sent.append(len(store.asked)), tick_s=0.01):
        await eventually(lambda: not claims.unsent)

    assert sent[:3] == [SENT_A_TICK, 2 * SENT_A_TICK, 250]
    assert store.closed


async def test_the_background_task_contacts_the_store_each_tick_while_it_is_down_and_rarely_otherwise(
    store: Store, clock: FakeClock
) -> None:
    store.up = False
    claims = shared(store, clock)
    ticks: list[int] = []

    async with keeping(claims, lambda: ticks.append(store.contacts), tick_s=0.01):
        await eventually(lambda: store.contacts >= 5)
        store.up = True
        await eventually(lambda: bool(claims.state().up))
        while_up = store.contacts
        await asyncio.sleep(0.05)

    assert ticks[:5] == [1, 2, 3, 4, 5]
    assert store.contacts <= while_up + 1


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
