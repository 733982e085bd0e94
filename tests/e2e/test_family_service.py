"""Channels whose subscriptions the family service decides, while it is up and while it is down."""

from proto.realtime.v1 import channel_access_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2 as identity_pb
from tests.e2e.clients import Ended, as_reply
from tests.e2e.family import FamilyStack
from tests.harness.backends import says
from tests.harness.waiting import until

NOT_NOW = {"code": 503, "message": "temporarily unavailable", "temporary": True}
NOT_YOURS = pb.AuthorizeResponse(denial=identity_pb.Error(code=451, message="not your room"))


async def test_the_family_service_receives_the_user_and_the_action(family: FamilyStack, family_id: str) -> None:
    async with family.member("u-1", family_id) as client:
        room = await client.listen(f"room:{family_id}")
        await client.publish(f"room:{family_id}", {"text": "hello"})
        await until(lambda: bool(room.received))

    asked = [call for call in family.family_service.calls if call.channel == f"room:{family_id}"][:2]
    assert [(call.user_id, call.family_id, call.action) for call in asked] == [
        ("u-1", family_id, pb.CHANNEL_ACTION_SUBSCRIBE),
        ("u-1", family_id, pb.CHANNEL_ACTION_PUBLISH),
    ]


async def test_a_client_that_the_family_service_refuses_receives_the_reason(
    family: FamilyStack, family_id: str
) -> None:
    family.family_service.script = says(NOT_YOURS)

    async with family.member("u-1", family_id) as client:
        room = await client.listen(f"room:{family_id}")
        refusal = await client.refusal_of_publish(f"room:{family_id}", {})

    assert room.ended == [Ended(451, "not your room")]
    assert refusal == {"code": 451, "message": "not your room", "temporary": False}


async def test_a_subscription_that_the_family_service_refuses_to_extend_ends(
    family: FamilyStack, family_id: str
) -> None:
    async with family.member("u-1", family_id) as client:
        room = await client.listen(f"room:{family_id}")
        family.family_service.script = says(NOT_YOURS)
        await until(lambda: bool(room.ended))

    assert room.lost == [Ended(2501, "subscription expired")]
    assert room.ended == [Ended(451, "not your room")]


async def test_subscriptions_are_refused_while_the_family_service_is_down_and_allowed_when_it_is_back(
    family: FamilyStack, family_id: str
) -> None:
    async with family.member("u-1", family_id) as client:
        async with family.without_family_service():
            room = await client.listen(f"room:{family_id}")
            refusal = await client.refusal_of_publish(f"room:{family_id}", {})
            entered_too_early = room.entered
        await until(lambda: bool(room.entered))
        await client.publish(f"room:{family_id}", {"text": "at last"})
        await until(lambda: bool(room.received))

    assert as_reply(room.errors[0]) == NOT_NOW
    assert refusal == NOT_NOW
    assert entered_too_early == 0
    assert room.received == [{"text": "at last"}]
    assert room.ended == []


async def test_subscribers_keep_their_subscriptions_while_the_family_service_is_down(
    family: FamilyStack, family_id: str
) -> None:
    channel = f"room:{family_id}"
    async with family.member("u-1", family_id) as client:
        room = await client.listen(channel)
        async with family.without_family_service():
            await until(lambda: 503 in [each.status for each in family.wire.of("sub_refresh", channel=channel)])
        ended = (room.lost, room.ended)

    last = family.wire.of("sub_refresh", channel=channel)[-1]
    assert (last.status, set(last.answer)) == (503, {"error"})
    assert (room.entered, *ended) == (1, [], [])
