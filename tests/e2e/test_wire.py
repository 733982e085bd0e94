"""Every answer, as Centrifugo receives it.

Centrifugo treats an empty 200 to subscribe, publish or rpc as allowed, and a 200 without a result to refresh or
sub_refresh as expired.
"""

from contextlib import suppress

from centrifuge.exceptions import CentrifugeError

from centrifugo_proxy.protocol.codes import EVENTS, REFRESH_EVENTS
from proto.realtime.v1 import channel_access_pb2 as access_pb
from proto.realtime.v1 import connect_proxy_pb2 as identity_pb
from proto.realtime.v1 import rpc_backend_pb2 as rpc_pb
from tests.e2e.clients import SdkClient
from tests.e2e.family import LIMIT, FamilyStack, soon
from tests.harness.backends import grants, says
from tests.harness.bodies import BRANCHES
from tests.harness.identity import success
from tests.harness.waiting import until
from tests.harness.wire_tap import Exchange

ODD_ROOMS = [
    access_pb.AuthorizeResponse(),
    access_pb.AuthorizeResponse(grant=access_pb.Grant(expire_at=-1)),
    access_pb.AuthorizeResponse(denial=identity_pb.Error()),
    access_pb.AuthorizeResponse(denial=identity_pb.Error(code=7, message="\ud7ff")),
]
ODD_CALLS = [
    rpc_pb.CallResponse(),
    rpc_pb.CallResponse(data=b""),
    rpc_pb.CallResponse(data=b"null"),
    rpc_pb.CallResponse(data=b'},"error":{'),
    rpc_pb.CallResponse(error=identity_pb.Error()),
    rpc_pb.CallResponse(disconnect=identity_pb.Disconnect(reason="x" * 200)),
]


async def test_each_200_has_one_branch_and_a_refresh_has_a_result(family: FamilyStack, family_id: str) -> None:
    family.identity.refresh_script = success(user_id="u-1", family_id=family_id, expire_at=soon(60))

    async with family.member("u-1", family_id, expire_at=soon(3)) as client:
        await ordinary_things(family, client, family_id)
        await odd_rooms(family, client, family_id)
        await odd_calls(family, client)

    assert {exchange.event for exchange in family.wire.exchanges} == set(EVENTS)
    assert [exchange for exchange in family.wire.exchanges if not sound(exchange)] == []


def sound(exchange: Exchange) -> bool:
    """True for a 200 with exactly one branch (of a refresh: `result`), a 500, a 503, and a 401 to a connect."""
    allowed = {"result"} if exchange.event in REFRESH_EVENTS else BRANCHES
    if exchange.status == 200:
        return len(exchange.answer) == 1 and set(exchange.answer) <= allowed
    return exchange.status in (500, 503, 401 if exchange.event == "connect" else 500)


async def ordinary_things(family: FamilyStack, client: SdkClient, family_id: str) -> None:
    chat = f"family:{family_id}:chat"
    for channel in (chat, "family:another:chat", "room:1"):
        await client.listen(channel)
    await client.publish(chat, {})
    await client.publish(f"family:{family_id}:typing", {})
    await client.refusal_of_publish(chat, "x" * LIMIT)
    await client.rpc("diary.list", {})
    for method in ("diary", "gone.x", "nothing.known"):
        await client.refusal_of_rpc(method, {})
    own = {"client": client.watcher.connections[0]}
    await until(lambda: bool(family.wire.of("sub_refresh", **own) and family.wire.of("refresh", **own)))


async def odd_rooms(family: FamilyStack, client: SdkClient, family_id: str) -> None:
    for number, response in enumerate(ODD_ROOMS):
        family.family_service.script = says(response)
        await client.listen(f"room:{family_id}-{number}")
    family.family_service.script = grants()


async def odd_calls(family: FamilyStack, client: SdkClient) -> None:
    for response in ODD_CALLS:
        family.diary.script = says(response)
        before = len(family.wire.of("rpc"))
        with suppress(CentrifugeError):
            await client.rpc("diary.odd", {})
        assert len(family.wire.of("rpc")) == before + 1
