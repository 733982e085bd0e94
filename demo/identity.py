"""An identity service that keeps its users and tickets in memory, and uses real gRPC. A ticket can be redeemed once."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from itertools import count
from typing import Any, Final

import grpc
from grpc import aio

from demo.people import FAMILY, HOUSEHOLDS
from proto.realtime.v1 import connect_proxy_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc

LOOPBACK = "127.0.0.1"
CONNECTION_TTL_S: Final = 3  # short, so that a parental lock takes effect quickly


class Condition(StrEnum):
    """The state of identity. `down` means that it refuses connections, `hanging` that it accepts calls but does not
    answer.
    """

    UP = "up"
    HANGING = "hanging"
    DOWN = "down"


class MemoryIdentity(pb_grpc.ConnectProxyServiceServicer):
    """An identity service that can be stopped (`down`), can hang (`hang`), and can work again (`up`).

    It keeps its port, its users and its tickets.
    """

    def __init__(self) -> None:
        self._users = {user: user_of(user, family) for user, family in HOUSEHOLDS.items()}
        self._tickets: dict[str, str] = {}
        self._numbers = count(1)
        self._port = 0
        self._server: aio.Server | None = None
        self._answers = asyncio.Event()
        self._answers.set()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    @property
    def condition(self) -> Condition:
        if self._server is None:
            return Condition.DOWN
        return Condition.UP if self._answers.is_set() else Condition.HANGING

    def mint(self, user: str = "") -> str:
        """A new ticket for this user. If `user` is "", it is for a new user."""
        user = user or f"user-{next(self._numbers)}"
        self._users.setdefault(user, user_of(user, FAMILY))
        ticket = secrets.token_urlsafe(12)
        self._tickets[ticket] = user
        return ticket

    def lock_chat(self, user: str, *, locked: bool) -> None:
        """Turns the parental lock of the chat on or off. A connection notices the change at its next refresh."""
        self._users[user].parental_state.feature_lock_chat = locked

    def is_chat_locked(self, user: str) -> bool:
        return self._users[user].parental_state.feature_lock_chat

    async def Validate(  # noqa: N802  (the contract's name)
        self, request: pb.ValidateRequest, context: aio.ServicerContext[Any, Any]
    ) -> pb.ValidateResponse:
        await self._answers.wait()
        user = self._tickets.pop(request.ticket, None)
        if user is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown or already redeemed ticket")
        return self._described(user)

    async def Refresh(  # noqa: N802  (the contract's name)
        self, request: pb.RefreshRequest, context: aio.ServicerContext[Any, Any]
    ) -> pb.ValidateResponse:
        await self._answers.wait()
        if request.user_id not in self._users:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
        return self._described(request.user_id)

    def _described(self, user: str) -> pb.ValidateResponse:
        response = pb.ValidateResponse(success=self._users[user])
        response.success.expire_at = int(time.time()) + CONNECTION_TTL_S
        return response

    async def up(self) -> None:
        self._answers.set()
        if self._server is None:
            server = aio.server(options=[("grpc.so_reuseport", 0)])
            pb_grpc.add_ConnectProxyServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]  # generated
            self._port = server.add_insecure_port(self.address)
            await server.start()
            self._server = server

    async def hang(self) -> None:
        """Accepts calls, but does not answer them until `up` is called."""
        await self.up()
        self._answers.clear()

    async def down(self) -> None:
        self._answers.set()
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace=0)


def user_of(user: str, family: str) -> pb.Success:
    return pb.Success(
        user_id=user,
        family_id=family,
        subscription_tier=pb.SUBSCRIPTION_TIER_FAMILY,
        parental_state=pb.ParentalState(feature_lock_diary=True),
    )


@asynccontextmanager
async def running_identity() -> AsyncIterator[MemoryIdentity]:
    """Run an identity service on a free loopback port."""
    identity = MemoryIdentity()
    await identity.up()
    try:
        yield identity
    finally:
        await identity.down()
