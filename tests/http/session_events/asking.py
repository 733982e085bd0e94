"""Requests for the session events, and a service that answers them by a policy."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import grpc
import httpx
import orjson
import pytest

from centrifugo_proxy.policy.owner import Owner, owner_of
from centrifugo_proxy.protocol.codes import ResponseMode
from tests.harness.service import CLIENT, Service, service

LOCKS = ("screen_time_lock", "feature_lock_chat", "feature_lock_diary", "feature_lock_flowcoach")
MODES = pytest.mark.parametrize("mode", [ResponseMode.HTTP, ResponseMode.ENVELOPE])
T = TypeVar("T")
# The fields that Centrifugo sends for a client that uses the Protobuf protocol, with `binary_encoding`.
BINARY: dict[str, Any] = {"protocol": "protobuf", "encoding": "binary"}
EXPIRED = {"result": {"expired": True}}
UNAVAILABLE = {"error": {"code": 503, "message": "temporarily unavailable", "temporary": True}}
TEMPORARY_INTERNAL = {"error": {"code": 100, "message": "internal error", "temporary": True}}

OPEN = """
[[channels]]
match = "family:{family_id}"
allow = ["subscribe", "publish"]

[[rpc]]
match = "diary.*"
backend = "diary"
"""


def meta(*locks: str, **fields: Any) -> dict[str, Any]:
    """The `meta` of a member of the family f-1, as connect writes it, with these locks on."""
    assert set(locks) <= set(LOCKS)
    whole = {
        "family_id": "f-1",
        "subscription_tier": "family",
        "is_admin": False,
        "parental_state": {lock: lock in locks for lock in LOCKS},
    }
    return {**whole, **fields}


def owner_by(known: Any, user: str = "u-1") -> Owner | None:
    """The owner of a connection with this `meta`; None if the meta is malformed."""
    return owner_of(user, orjson.dumps(known))


def event_body(**fields: Any) -> dict[str, Any]:
    """The body of a request for the user u-1, as Centrifugo sends it with include_connection_meta."""
    facts = {"client": CLIENT, "transport": "websocket", "protocol": "json", "encoding": "json"}
    return {**facts, "user": "u-1", "meta": meta(), **fields}


def forbidden(message: str) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": {"code": 403, "message": message}}


# The refusal of a request that a degraded connection may not make. After it, SDKs repeat only a subscribe.
DEGRADED = {"error": {"code": 403, "message": "not while the connection is degraded", "temporary": True}}


async def ask(running: Service, event: str, **fields: Any) -> httpx.Response:
    """POST an event of u-1 with these fields."""
    return await running.http.post(f"/centrifugo/{event}", json=event_body(**fields))


async def body_of(running: Service, event: str, **fields: Any) -> Any:
    """The body of the answer to `ask`. Fails if the status is not 200."""
    response = await ask(running, event, **fields)
    assert response.status_code == 200, response.text
    return response.json()


@asynccontextmanager
async def service_with_policy(
    policy: str, identity_address: str = "127.0.0.1:1", *, serve: Any = service, **options: Any
) -> AsyncIterator[Service]:
    """A service with this policy. By default, subscriptions do not expire."""
    with NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(policy)
        file.flush()
        settings = {"CHANNEL_SUBSCRIPTION_TTL_S": 0, "CHANNEL_POLICY_PATH": file.name, **options}
        async with serve(identity_address, **settings) as running:
            yield running


@contextmanager
def opened_in_runner(opening: AbstractAsyncContextManager[T]) -> Iterator[tuple[asyncio.Runner, T]]:
    """Enter `opening` for synchronous examples. Yields a runner for coroutines, and the value of `opening`."""
    with asyncio.Runner() as runner:
        opened = runner.run(opening.__aenter__())
        try:
            yield runner, opened
        finally:
            runner.run(opening.__aexit__(None, None, None))


# The service's answer to a subscribe, a publish or an rpc, for each gRPC status of the family service or the backend.
# Any other status is a fault (500).
ANSWERS_TO_STATUSES = {
    grpc.StatusCode.PERMISSION_DENIED: (200, forbidden("not allowed")),
    grpc.StatusCode.UNAUTHENTICATED: (200, forbidden("not allowed")),
    grpc.StatusCode.NOT_FOUND: (200, {"error": {"code": 404, "message": "not found"}}),
    grpc.StatusCode.INVALID_ARGUMENT: (200, {"error": {"code": 400, "message": "invalid argument"}}),
    grpc.StatusCode.UNAVAILABLE: (200, UNAVAILABLE),
    grpc.StatusCode.DEADLINE_EXCEEDED: (200, UNAVAILABLE),
    grpc.StatusCode.CANCELLED: (200, UNAVAILABLE),
}
FAILURES = [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK]
