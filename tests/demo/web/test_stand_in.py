"""The requests that the page's server sends instead of Centrifugo."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession

from demo.identity import MemoryIdentity, running_identity
from demo.people import CHAT
from demo.stage import POLICY
from demo.web.feed import Feed
from demo.web.stand_in import StandIn
from tests.harness.bodies import INVALID_TICKET
from tests.harness.service import uvicorn_service


@asynccontextmanager
async def stand_in(publications: Feed) -> AsyncIterator[tuple[StandIn, MemoryIdentity]]:
    async with (
        running_identity() as identity,
        uvicorn_service(identity.address, CHANNEL_POLICY_PATH=str(POLICY), CENTRIFUGO_REFRESH="auto") as running,
        ClientSession() as session,
    ):
        yield StandIn(session, str(running.http.base_url).rstrip("/"), "", publications), identity


async def test_a_member_of_the_family_publishes_to_its_chat() -> None:
    publications = Feed()
    async with stand_in(publications) as (front, identity):
        connected = (await front.connect(identity.mint("child")))["connected"]
        subscribed = await front.subscribe(connected["client"], CHAT)
        published = await front.publish(connected["client"], CHAT, {"text": "hello"})

    assert (set(subscribed), published) == ({"subscribed"}, {"published": {}})
    assert publications.after(0) == [{"seq": 1, "channel": CHAT, "user": "child", "data": {"text": "hello"}}]


async def test_a_lock_reaches_a_connected_client_through_a_refresh() -> None:
    publications = Feed()
    async with stand_in(publications) as (front, identity):
        client = (await front.connect(identity.mint("child")))["connected"]["client"]
        await front.subscribe(client, CHAT)
        identity.lock_chat("child", locked=True)
        refreshed = await front.refresh(client)
        again = await front.subscribe(client, CHAT)
        denied = await front.publish(client, CHAT, {"text": "hello"})

    assert set(refreshed) == {"connected"}
    assert again == {"expired": True}
    assert denied == {"error": {"code": 403, "message": "locked by a parent"}}
    assert publications.after(0) == []


async def test_a_refusal_reaches_the_client_in_centrifugos_form() -> None:
    async with stand_in(Feed()) as (front, identity):
        used = identity.mint("child")
        await front.connect(used)
        refused = await front.connect(used)
        await identity.down()
        unavailable = await front.connect("another")

    assert refused == INVALID_TICKET
    assert unavailable == {"error": {"code": 100, "message": "internal server error"}}


async def test_a_client_that_has_left_is_unknown() -> None:
    async with stand_in(Feed()) as (front, identity):
        client = (await front.connect(identity.mint("child")))["connected"]["client"]
        front.leave(client)
        answer = await front.publish(client, CHAT, {"text": "hello"})

    assert answer == {"disconnect": {"code": 3005, "reason": "connection expired"}}
