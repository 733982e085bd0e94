"""The floor: the smallest program in Python that answers a connect. It is one ASGI function with one grpc.aio call.

It has no guard, no error handling, no metrics and no traces.
"""

import os
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final

import orjson
from grpc import aio

from bench.parts.validate import VALIDATE
from proto.realtime.v1 import connect_proxy_pb2 as pb

DEADLINE_S: Final = 2.5
TIERS: Final = ("unspecified", "free", "pro", "family")

Message = dict[str, Any]


@cache
def validate() -> Callable[..., Awaitable[pb.ValidateResponse]]:
    """The gRPC method. The first request makes the channel, because it must be made in the event loop."""
    channel = aio.insecure_channel(os.environ["IDENTITY_VALIDATE_GRPC_ADDRESS"])
    return channel.unary_unary(
        VALIDATE,
        request_serializer=pb.ValidateRequest.SerializeToString,
        response_deserializer=pb.ValidateResponse.FromString,
    )


async def app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answers every HTTP request like a connect."""
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    answer = orjson.dumps({"result": await result(orjson.loads(body))})
    length = str(len(answer)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def result(request: dict[str, Any]) -> dict[str, Any]:
    query = pb.ValidateRequest(
        ticket=request["data"]["token"],
        client_id=request["client"],
        transport=request["transport"],
        protocol=request["protocol"],
    )
    success = (await validate()(query, timeout=DEADLINE_S)).success
    locks = success.parental_state
    info = {
        "family_id": success.family_id,
        "subscription_tier": TIERS[success.subscription_tier],
        "is_admin": success.is_admin,
        "parental_state": {
            "screen_time_lock": locks.screen_time_lock,
            "feature_lock_chat": locks.feature_lock_chat,
            "feature_lock_diary": locks.feature_lock_diary,
            "feature_lock_flowcoach": locks.feature_lock_flowcoach,
        },
    }
    return {"user": success.user_id, "info": info, "meta": info, "expire_at": success.expire_at}
