"""Data that Centrifugo passes on although strict parsers refuse it."""

from typing import Any

import orjson
import pytest

from proto.realtime.v1 import rpc_backend_pb2
from tests.harness.backends import rpc_backend
from tests.harness.identity import IdentityStub
from tests.harness.service import connect_body, service
from tests.http.session_events.asking import event_body, service_with_policy

ODD = [b'"\\ud83d"', b'"\xff"', b"1e999", b"[" * 1500 + b"]" * 1500]
POLICY = """
[[channels]]
match = "free:*"
allow = ["subscribe", "publish"]

[[rpc]]
match = "any"
backend = "any"
"""
odd = pytest.mark.parametrize("data", ODD, ids=["half a surrogate pair", "not UTF-8", "a huge number", "deep nesting"])


def with_odd(body: dict[str, Any], data: bytes, name: str) -> bytes:
    """The body with this member inserted unchanged."""
    return orjson.dumps({**body, name: "ODD"}).replace(b'"ODD"', data)


@odd
async def test_unusual_data_beside_the_ticket_is_ignored(identity: IdentityStub, data: bytes) -> None:
    body = with_odd({"token": "a-ticket"}, data, "beside")

    async with service(identity.address) as running:
        content = orjson.dumps(connect_body("-", data="DATA")).replace(b'"DATA"', body)
        response = await running.http.post("/centrifugo/connect", content=content)

    assert response.status_code == 200
    assert [call.ticket for call in identity.calls] == ["a-ticket"]


@odd
@pytest.mark.parametrize("event", ["subscribe", "sub_refresh", "publish"])
async def test_unusual_data_in_an_unknown_field_of_a_channel_event_is_ignored(event: str, data: bytes) -> None:
    content = with_odd(event_body(channel="free:1", data=1), data, "added")

    async with service_with_policy(POLICY, RPC_BACKENDS={"any": "127.0.0.1:1"}) as running:
        response = await running.http.post(f"/centrifugo/{event}", content=content)

    assert (response.status_code, response.json()) == (200, {"result": {}})


@odd
async def test_the_data_of_an_rpc_call_reaches_the_backend_byte_for_byte(data: bytes) -> None:
    async with rpc_backend() as backend, service_with_policy(POLICY, RPC_BACKENDS={"any": backend.address}) as running:
        content = with_odd(event_body(method="any"), data, "data")
        response = await running.http.post("/centrifugo/rpc", content=content)

    calls: list[rpc_backend_pb2.CallRequest] = backend.calls
    assert (response.status_code, [call.data for call in calls]) == (200, [data])
