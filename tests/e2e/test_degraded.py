"""What a fallback connection may do, and which requests are refused."""

from tests.e2e.clients import as_reply
from tests.e2e.family import FamilyStack
from tests.harness.backends import returns
from tests.harness.waiting import until

DEGRADED = "not while the connection is degraded"
REFUSED = {"code": 403, "message": DEGRADED, "temporary": True}


async def test_a_fallback_connection_may_not_use_sensitive_channels_and_methods(
    family: FamilyStack, family_id: str
) -> None:
    async with family.without_identity(), family.fallback_member() as client:
        room = await client.listen("room:1")
        chat = await client.listen(f"family:{family_id}:chat")
        to_the_room = await client.refusal_of_publish("room:1", {"text": "hello"})
        to_the_diary = await client.refusal_of_rpc("diary.list", {})
        still_connected = client.connected

    assert [as_reply(error) for error in room.errors[:1] + chat.errors[:1]] == [REFUSED, REFUSED]
    assert (room.ended, chat.ended) == ([], [])  # the SDK keeps retrying
    assert (to_the_room, to_the_diary) == (REFUSED, REFUSED)
    assert still_connected


async def test_a_fallback_connection_may_use_public_channels_and_methods(family: FamilyStack) -> None:
    family.diary.script = returns(b'{"sky":"blue"}')

    async with family.without_identity(), family.fallback_member() as client:
        news = await client.listen("news:today")
        weather = await client.rpc("weather.now", {})
        await until(lambda: bool(family.wire.of("sub_refresh", channel="news:today")))
        ended = news.ended

    assert (news.entered, ended) == (1, [])
    assert weather.data == {"sky": "blue"}


async def test_a_connection_made_before_an_outage_keeps_its_rights(family: FamilyStack, family_id: str) -> None:
    chat = f"family:{family_id}:chat"

    async with family.member("u-1", family_id) as first, family.member("u-2", family_id) as second:
        heard = await second.listen(chat)
        async with family.without_identity():
            await first.publish(chat, {"text": "do you hear me"})
            await until(lambda: bool(heard.received))

    assert heard.received == [{"text": "do you hear me"}]
