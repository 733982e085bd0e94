"""Calls of backends: the data in both directions, and the refusals that reach the client."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from centrifuge.exceptions import ClientDisconnectedError

from proto.realtime.v1 import connect_proxy_pb2 as identity_pb
from proto.realtime.v1 import rpc_backend_pb2 as pb
from tests.centrifugo_proxy.server_config.valid_configs import changed
from tests.e2e.clients import Closed, bare_session, one_after_another, sdk_client, with_ticket
from tests.e2e.family import FamilyStack
from tests.e2e.stack import guard_of
from tests.harness import centrifugo
from tests.harness.backends import returns, says
from tests.harness.grpc_stub import Script
from tests.harness.waiting import until

# Data that a parser in between would change: key order, duplicate keys, escapes, digits.
ODD = r"""{"z":1,"a":1.0,"a":1e2,"big":12345678901234567890123,"s":"\u00e9\/é","n":null}"""
SPACED = ODD.replace(",", " ,\t")
PRETTY = json.dumps({"entries": [{"text": "one\ntwo"}, {}], "count": 2}, indent=2)
INTERNAL = {"code": 100, "message": "internal server error", "temporary": True}


async def test_a_call_and_its_answer_are_passed_on_byte_for_byte(family: FamilyStack, family_id: str) -> None:
    family.diary.script = returns(SPACED.encode())
    ticket = family.tickets.issue(
        "u-1", family_id=family_id, subscription_tier=identity_pb.SUBSCRIPTION_TIER_PRO, is_admin=True
    )

    async with bare_session(family.url, with_ticket(ticket)) as ask:
        frame = await ask('{"id":7,"rpc":{"method":"diary.entries.add","data":' + ODD + "}}")

    assert frame == '{"id":7,"rpc":{"data":' + SPACED + "}}"
    called = family.diary.calls[-1]
    assert called == pb.CallRequest(
        method="diary.entries.add",
        data=ODD.encode(),
        user_id="u-1",
        family_id=family_id,
        client_id=called.client_id,
        subscription_tier=identity_pb.SUBSCRIPTION_TIER_PRO,
        is_admin=True,
    )


async def test_a_backend_receives_json_as_centrifugo_formats_it(family: FamilyStack, family_id: str) -> None:
    ticket = family.tickets.issue("u-1", family_id=family_id)

    async with bare_session(family.url, with_ticket(ticket)) as ask:
        await ask('{"id":2,"rpc":{"method":"diary.add","data":{ "t" : "<b>&\u2028" }}}')

    assert family.diary.calls[-1].data == rb'{"t":"\u003cb\u003e\u0026\u2028"}'


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
async def test_line_breaks_in_a_backends_answer_break_no_frame(family: FamilyStack, family_id: str, ends: str) -> None:
    family.diary.script = returns(PRETTY.replace("\n", ends).encode())
    ticket = family.tickets.issue("u-1", family_id=family_id)

    async with bare_session(family.url, with_ticket(ticket)) as ask:
        frame = await ask('{"id":2,"rpc":{"method":"diary.list","data":{}}}')
        following = await ask('{"id":3,"rpc":{"method":"diary.list","data":{}}}')

    assert ("\n" in frame, "\r" in frame) == (False, False)
    assert [json.loads(each)["rpc"]["data"] for each in (frame, following)] == [json.loads(PRETTY)] * 2
    assert [json.loads(each)["id"] for each in (frame, following)] == [2, 3]


async def test_with_base64_a_client_that_speaks_json_gets_json_or_an_error(
    family: FamilyStack, family_id: str, centrifugo_bin: Path
) -> None:
    """If Centrifugo got other data, it would disconnect the client with 3506, and SDKs do not reconnect then."""
    option = {6: "rpc.proxy.binary_encoding", 5: "proxy_binary_encoding"}[centrifugo.layout(centrifugo_bin)]
    config = changed(copy.deepcopy(family.config), {option: True})
    ticket = family.tickets.issue("u-1", family_id=family_id)

    with centrifugo.running(centrifugo_bin, config, **guard_of(centrifugo_bin, family.service.variables)) as front:
        async with bare_session(front.websocket, with_ticket(ticket)) as ask:
            family.diary.script = returns(b"\x00\xff")
            refused = await ask('{"id":2,"rpc":{"method":"diary.list","data":{}}}')
            family.diary.script = returns(PRETTY.replace("\n", "\r\n").encode())
            frame = await ask('{"id":3,"rpc":{"method":"diary.list","data":{}}}')

    assert json.loads(refused) == {"id": 2, "error": INTERNAL}
    assert json.loads(frame) == {"id": 3, "rpc": {"data": json.loads(PRETTY)}}
    assert ("\n" in frame, "\r" in frame) == (False, False)


@pytest.mark.parametrize("use_protobuf", [False, True], ids=["json", "protobuf"])
async def test_a_call_over_either_protocol_is_answered(family: FamilyStack, family_id: str, use_protobuf: bool) -> None:
    family.diary.script = returns(b'{"text":"dear diary"}')
    ticket = family.tickets.issue("u-1", family_id=family_id)
    asked: Any = b'{"page":1}' if use_protobuf else {"page": 1}

    async with sdk_client(family.url, one_after_another(ticket), use_protobuf=use_protobuf) as client:
        await until(lambda: client.connected)
        data = (await client.rpc("diary.read", asked)).data

    assert (json.loads(data) if use_protobuf else data) == {"text": "dear diary"}
    assert json.loads(family.diary.calls[-1].data) == {"page": 1}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            says(pb.CallResponse(error=identity_pb.Error(code=1042, message="no such entry"))),
            {"code": 1042, "message": "no such entry", "temporary": False},
            id="an error with a code and a message",
        ),
        pytest.param(
            says(pb.CallResponse(error=identity_pb.Error(code=1042))),
            {"code": 1042, "message": "refused", "temporary": False},
            id="an error without a message",
        ),
        pytest.param(returns(b'{"cut":'), INTERNAL, id="not JSON"),
        pytest.param(returns(b'{"text":"\xff"}'), INTERNAL, id="not UTF-8"),
        pytest.param(returns(b'{}{"id":3,"error":{}}'), INTERNAL, id="an answer with two outcomes"),
        pytest.param(says(pb.CallResponse()), INTERNAL, id="no outcome"),
    ],
)
async def test_a_backends_errors_reach_the_client(
    family: FamilyStack, family_id: str, script: Script, expected: dict[str, Any]
) -> None:
    family.diary.script = script

    async with family.member("u-1", family_id) as client:
        refusal = await client.refusal_of_rpc("diary.read", {})
        family.diary.script = returns(b"{}")
        following = await client.rpc("diary.read", {})

    assert refusal == expected
    assert following.data == {}


async def test_a_backend_that_is_down_is_a_temporary_error_and_the_others_still_answer(
    family: FamilyStack, family_id: str
) -> None:
    family.diary.script = returns(b'"here"')

    async with family.member("u-1", family_id) as client:
        refusal = await client.refusal_of_rpc("gone.anything", {})
        answer = await client.rpc("diary.read", {})

    assert refusal == {"code": 503, "message": "temporarily unavailable", "temporary": True}
    assert answer.data == "here"


async def test_a_method_without_a_rule_is_unknown(family: FamilyStack, family_id: str) -> None:
    async with family.member("u-1", family_id) as client:
        refusal = await client.refusal_of_rpc("payments.refund", {})

    assert refusal == {"code": 404, "message": "unknown method", "temporary": False}


async def test_a_backend_can_disconnect_a_client(family: FamilyStack, family_id: str) -> None:
    family.diary.script = says(pb.CallResponse(disconnect=identity_pb.Disconnect(code=4100, reason="moved")))

    async with family.member("u-1", family_id) as client:
        with pytest.raises(ClientDisconnectedError):
            await client.rpc("diary.read", {})
        lost = client.watcher.lost

    assert lost == [Closed(4100, "moved")]
