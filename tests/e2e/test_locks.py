"""Changes at identity reach open connections: a lock, a tier, the end of an account."""

import asyncio
from typing import Any

import grpc
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import Closed, Ended, sdk_client
from tests.e2e.family import UNLOCKED, FamilyStack, soon
from tests.harness.identity import Script, aborts, answers, success
from tests.harness.waiting import until

LONGER_THAN_PRESENCE_S = 1.2
LOCKED = pb.ParentalState(feature_lock_chat=True)
BY_A_PARENT = {"code": 403, "message": "locked by a parent", "temporary": False}


async def test_a_new_lock_ends_the_subscription_at_its_next_refresh(family: FamilyStack, family_id: str) -> None:
    chat = f"family:{family_id}:chat"
    family.identity.refresh_script = success(
        user_id="u-child", family_id=family_id, parental_state=LOCKED, expire_at=soon(60)
    )

    async with (
        family.member("u-parent", family_id) as parent,
        family.member("u-child", family_id, expire_at=soon(3)) as child,
    ):
        of_the_parent, of_the_child = await parent.listen(chat), await child.listen(chat)
        await parent.publish(chat, {"text": "before"})
        await until(lambda: bool(of_the_child.ended))
        await parent.publish(chat, {"text": "after"})
        await until(lambda: len(of_the_parent.received) == 2)
        refusal = await child.refusal_of_publish(chat, {"text": "why"})
        connection = (child.watcher.connections, child.watcher.lost, child.connected)

    assert of_the_child.lost == [Ended(2501, "subscription expired")]
    assert of_the_child.ended == [Ended(403, "locked by a parent")]
    assert of_the_child.received == [{"text": "before"}]
    assert of_the_parent.ended == []
    assert refusal == BY_A_PARENT
    assert (len(connection[0]), connection[1:]) == (1, ([], True))
    last = family.wire.answers("sub_refresh", channel=chat, user="u-child")[-1]
    assert last == {"result": {"expired": True}}


async def test_changed_fields_from_identity_reach_the_service_and_other_clients(
    family: FamilyStack, family_id: str
) -> None:
    chat = f"family:{family_id}:chat"
    newly: dict[str, Any] = {"subscription_tier": pb.SUBSCRIPTION_TIER_PRO, "is_admin": True}
    family.identity.refresh_script = success(user_id="u-1", family_id=family_id, **newly, expire_at=soon(60))

    async with family.member("u-1", family_id, expire_at=soon(2)) as member, family.member("u-2", family_id) as other:
        await member.listen(chat)
        before = (await other.who_is_in(chat))["u-1"]
        await until(lambda: len(metas(family, chat)) == 2)
        await asyncio.sleep(LONGER_THAN_PRESENCE_S)
        after = (await other.who_is_in(chat))["u-1"]

    known = {"family_id": family_id, "parental_state": UNLOCKED}
    then, now = {"subscription_tier": "unspecified", "is_admin": False}, {"subscription_tier": "pro", "is_admin": True}
    assert (before, after) == ({**known, **then}, {**known, **now})
    assert metas(family, chat) == [before, after]


def metas(family: FamilyStack, channel: str) -> list[Any]:
    """The distinct `meta` of the requests about `u-1` on the channel."""
    distinct: list[Any] = []
    for event in ("subscribe", "sub_refresh"):
        for exchange in family.wire.of(event, channel=channel, user="u-1"):
            if exchange.request["meta"] not in distinct:
                distinct.append(exchange.request["meta"])
    return distinct


async def test_a_connection_that_identity_makes_permanent_stays_open(family: FamilyStack, family_id: str) -> None:
    family.identity.refresh_script = success(user_id="u-1", family_id=family_id, expire_at=0)

    async with family.member("u-1", family_id, expire_at=soon(2)) as member:
        await until(lambda: bool(family.wire.of("refresh", client=member.watcher.connections[0])))
        await asyncio.sleep(1)
        lost, connected = member.watcher.lost, member.connected

    assert (lost, connected) == ([], True)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4500, reason="gone"))), id="refused"),
        pytest.param(aborts(grpc.StatusCode.UNIMPLEMENTED), id="identity has no Refresh"),
        pytest.param(success(user_id="another-user", expire_at=soon(600)), id="another user"),
    ],
)
async def test_a_connection_ends_if_identity_does_not_extend_it_and_the_client_reconnects_with_a_new_ticket(
    family: FamilyStack, family_id: str, script: Script
) -> None:
    family.identity.refresh_script = script
    ends = iter([soon(2)])

    def fresh_ticket() -> str:
        return family.tickets.issue("u-1", family_id=family_id, expire_at=next(ends, 0))

    async with sdk_client(family.url, fresh_ticket) as client:
        await until(lambda: len(client.watcher.connections) == 2 and client.connected)

    assert client.watcher.lost == [Closed(3005, "connection expired")]


async def test_connections_that_expire_during_an_outage_are_extended(family: FamilyStack, family_id: str) -> None:
    async with family.member("u-1", family_id, expire_at=soon(2)) as member:
        async with family.without_identity():
            await until(lambda: bool(family.wire.of("refresh", client=member.watcher.connections[0])))
            await asyncio.sleep(1)
        lost, connected = member.watcher.lost, member.connected
        refreshes = family.wire.of("refresh", client=member.watcher.connections[0])

    assert [(exchange.status, set(exchange.answer)) for exchange in refreshes] == [(503, {"error"})]
    assert (lost, connected) == ([], True)
