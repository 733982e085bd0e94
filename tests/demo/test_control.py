"""The levers of the demonstration (URLs that take identity down and up), without its service process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from demo.control import levers_of
from demo.identity import MemoryIdentity, running_identity
from demo.web.server import running_server
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.service import Service, service


@asynccontextmanager
async def identity_with_levers() -> AsyncIterator[tuple[MemoryIdentity, httpx.AsyncClient]]:
    """An identity service, and an HTTP client for its levers."""
    async with (
        running_identity() as identity,
        running_server(levers_of(identity)) as url,
        httpx.AsyncClient(base_url=url, verify=NO_CERTIFICATES) as levers,
    ):
        yield identity, levers


async def test_a_requested_ticket_is_accepted_once() -> None:
    async with identity_with_levers() as (identity, levers), service(identity.address) as running:
        ticket = (await levers.post("/ticket")).text.strip()
        answers = [await running.connect(ticket) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]


async def test_identity_can_be_taken_down_or_up_twice_in_a_row() -> None:
    async with identity_with_levers() as (identity, levers):
        answers = [(await levers.post(f"/identity/{lever}")).text for lever in ("down", "down", "up", "up")]
        async with service(identity.address) as running:
            answer = await running.connect(identity.mint())

    assert answers == ["identity is down\n"] * 2 + ["identity is up\n"] * 2
    assert answer.status_code == 200


async def test_a_hanging_identity_does_not_answer_calls_until_it_is_up() -> None:
    async with (
        identity_with_levers() as (identity, levers),
        service(identity.address, IDENTITY_VALIDATE_DEADLINE_MS=300) as running,
    ):
        text = (await levers.post("/identity/hanging")).text
        hanging = await running.connect(identity.mint())
        await levers.post("/identity/up")
        up = await running.connect(identity.mint())

    assert text == "identity hangs\n"
    assert (hanging.status_code, up.status_code) == (503, 200)


async def test_the_answer_to_an_unknown_lever_lists_the_known_ones() -> None:
    async with identity_with_levers() as (_, levers):
        response = await levers.get("/identity/sideways")

    assert response.status_code == 404
    assert response.text.splitlines() == [
        "Not found. Available:",
        "POST /identity/down",
        "POST /identity/hanging",
        "POST /identity/up",
        "POST /ticket",
        "POST /ticket/parent",
        "POST /ticket/child",
        "POST /ticket/neighbour",
        "POST /lock",
        "POST /unlock",
    ]


async def test_a_ticket_can_be_requested_for_a_named_user() -> None:
    async with identity_with_levers() as (identity, levers), service(identity.address) as running:
        answer = await running.connect((await levers.post("/ticket/neighbour")).text.strip())

    result = answer.json()["result"]
    assert (result["user"], result["meta"]["family_id"]) == ("neighbour", "family-2")


async def test_a_lock_takes_effect_at_the_next_refresh_and_can_be_removed() -> None:
    async with (
        identity_with_levers() as (identity, levers),
        service(identity.address, CENTRIFUGO_REFRESH="on") as running,
    ):
        meta = (await running.connect(identity.mint("child"))).json()["result"]["meta"]
        text = (await levers.post("/lock")).text
        locked = await refreshed(running, meta)
        await levers.post("/unlock")
        again = await refreshed(running, locked["meta"])

    assert text == "the child's chat is locked\n"
    assert locked["meta"]["parental_state"] == {**meta["parental_state"], "feature_lock_chat": True}
    assert again["meta"] == meta


async def refreshed(running: Service, meta: dict[str, Any]) -> dict[str, Any]:
    """The result of a refresh of the child's connection that has this meta."""
    answer = await running.http.post("/centrifugo/refresh", json={"client": "c", "user": "child", "meta": meta})
    result: dict[str, Any] = answer.json()["result"]
    return result
