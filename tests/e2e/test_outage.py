"""Identity fails under load and returns: which clients connect, stay connected and reconnect."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.clients import (
    Closed,
    SdkClient,
    bare_connect,
    one_after_another,
    sdk_client,
    sdk_clients,
    with_ticket,
)
from tests.e2e.stack import Stack, stack
from tests.e2e.tickets import TicketOffice
from tests.harness import centrifugo
from tests.harness.fakes import FakeClock
from tests.harness.identity import hangs, identity_stub
from tests.harness.service import uvicorn_service
from tests.harness.waiting import until

ORDINARY, POOL = 40, 10
WINDOW_MS = 1000
TTL_S = 60  # the shortest lifetime that the settings accept
REFUSED = {"id": 1, "error": {"code": 100, "message": "internal server error", "temporary": True}}


@pytest.fixture
def pool() -> list[str]:
    return [secrets.token_urlsafe(32) for _ in range(POOL)]


@pytest_asyncio.fixture(loop_scope="session")
async def pool_stack(centrifugo_bin: Path, tmp_path: Path, pool: list[str]) -> AsyncIterator[Stack]:
    """A stack with a fallback pool and a short window."""
    file = tmp_path / "pool"
    file.touch(mode=0o600)
    file.write_text("\n".join(pool))
    async with stack(
        centrifugo_bin,
        IDENTITY_VALIDATE_DEADLINE_MS=str(WINDOW_MS),
        FALLBACK_TICKETS_PATH=str(file),
        FALLBACK_DEGRADED_WINDOW_MS=str(WINDOW_MS),
        FALLBACK_LOW_WATERMARK="0",
        FALLBACK_CONNECT_TTL_S=str(TTL_S),
    ) as running:
        yield running


async def test_each_pool_ticket_connects_once_in_an_outage_and_every_ordinary_client_after_it(
    pool_stack: Stack, pool: list[str]
) -> None:
    identity, died = pool_stack.identity, asyncio.Event()
    ordinary = [partial(ticket_for, pool_stack.tickets, died, f"u-{number}") for number in range(ORDINARY)]

    began = time.monotonic()  # before the first call, which on a busy machine may fail before the last one begins
    async with sdk_clients(pool_stack.url, ordinary) as waiting:
        await until(lambda: len(identity.calls) >= ORDINARY)
        died.set()
        await identity.stop()
        async with sdk_clients(pool_stack.url, [one_after_another(ticket) for ticket in pool]) as lucky:
            await until(lambda: all(client.connected for client in lucky))
            took_s = time.monotonic() - began
            again = await asyncio.gather(*(bare_connect(pool_stack.url, with_ticket(ticket)) for ticket in pool))
            in_too_early = [client for client in waiting if client.watcher.connections]
            left = pool_stack.service.health()["fallback_pool"]["size"]
            await identity.start()
            await until(lambda: all(client.connected for client in waiting))
            users = await users_seen_by([*waiting, *lucky])

    assert took_s > WINDOW_MS / 1000
    assert again == [REFUSED] * POOL
    assert in_too_early == []
    assert left == 0
    assert pool_stack.service.connects("fallback_pool_consumed") == POOL
    assert pool_stack.service.connects("success") == ORDINARY
    assert len(users) == ORDINARY + POOL
    assert {user for user in users if not user.startswith("fallback:")} == {f"u-{n}" for n in range(ORDINARY)}


def ticket_for(office: TicketOffice, died: asyncio.Event, user: str) -> str:
    """A new ticket for this user. Identity never answers about tickets that were issued before `died` is set."""
    return office.issue(user) if died.is_set() else office.issue_for(hangs)


async def test_a_client_does_not_learn_that_its_fallback_connection_expires(pool_stack: Stack, pool: list[str]) -> None:
    await pool_stack.identity.stop()
    refused = await bare_connect(pool_stack.url, with_ticket(pool[0]))
    await asyncio.sleep(WINDOW_MS / 1000 + 0.1)

    answer = await bare_connect(pool_stack.url, with_ticket(pool[0]))

    assert refused == REFUSED
    # If the answer has `expires` and `ttl`, the JavaScript SDK requests a JWT from its app. If the app has none, the
    # SDK disconnects permanently.
    assert set(answer["connect"]) & {"expires", "ttl"} == set()


async def test_an_outage_ends_no_existing_connection(http_stack: Stack) -> None:
    tickets = [http_stack.tickets.issue(f"u-{number}") for number in range(5)]

    async with sdk_clients(http_stack.url, [one_after_another(ticket) for ticket in tickets]) as clients:
        await until(lambda: all(client.connected for client in clients))
        async with http_stack.without_identity():
            refused = await bare_connect(http_stack.url, with_ticket(http_stack.tickets.issue()))
            await asyncio.sleep(1)
            users = await users_seen_by(clients)
        lost = [client.watcher.lost + client.watcher.ended for client in clients]

    assert refused == REFUSED
    assert users == {f"u-{number}" for number in range(5)}
    assert lost == [[]] * 5


async def test_a_fallback_connection_expires_and_its_client_reconnects_with_its_own_user(
    centrifugo_bin: Path, tmp_path: Path
) -> None:
    """The service runs in this process with a clock that can be advanced, because the shortest TTL is a minute."""
    clock, pool_ticket = FakeClock(), secrets.token_urlsafe(32)
    settings: dict[str, Any] = {"FALLBACK_TICKETS_PATH": str(tmp_path / "pool"), "FALLBACK_CONNECT_TTL_S": TTL_S}
    settings["IDENTITY_PROBE_INTERVAL_MS"] = 0
    async with (
        identity_stub() as identity,
        uvicorn_service(identity.address, tickets=[pool_ticket], clock=clock, **settings) as running,
    ):
        office = TicketOffice(identity)
        config = config_for_a_pool(centrifugo_bin, running.http.base_url.port)
        with centrifugo.running(centrifugo_bin, config) as front:
            await identity.stop()
            await bare_connect(front.websocket, with_ticket("any"))
            # The monotonic time moves past the window. The wall time moves back, so that Centrifugo sees the end of the
            # shortest TTL after only 3 seconds.
            clock.now, clock.wall = clock.now + 60, time.time() - TTL_S + 3
            async with sdk_client(front.websocket, one_after_another(pool_ticket, office.issue("u-1"))) as client:
                await until(lambda: client.connected)
                as_fallback = await users_seen_by([client])
                await until(lambda: bool(client.watcher.lost))
                await identity.start()
                await until(lambda: len(client.watcher.connections) == 2 and client.connected)
                as_itself = await users_seen_by([client])
                lost = client.watcher.lost

    assert [user.startswith("fallback:") for user in as_fallback] == [True]
    assert as_itself == {"u-1"}
    assert lost == [Closed(3005, "connection expired")]


async def users_seen_by(clients: list[SdkClient]) -> set[str]:
    """The users in the channel after all of these clients have joined."""
    await asyncio.gather(*(client.who_is_in() for client in clients))
    return set(await clients[0].who_is_in())


def config_for_a_pool(binary: Path, port: int | None) -> centrifugo.Config:
    """The configuration for a service on this port with a pool."""
    return centrifugo.generated(centrifugo.layout(binary), LISTEN_PORT=str(port), FALLBACK_TICKETS_PATH="pool")
