"""An identity service in memory, over real gRPC: each ticket that was minted here is redeemed once."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import grpc
from grpc import aio

from proto.realtime.v1 import connect_proxy_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc

LOOPBACK = "127.0.0.1"


class MemoryIdentity(pb_grpc.ConnectProxyServiceServicer):
    """Goes `down` and comes `up` again on the same port, and keeps its tickets meanwhile."""

    def __init__(self) -> None:
        self._owners: dict[str, pb.Success] = {}
        self._numbers = count(1)
        self._port = 0
        self._server: aio.Server | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    def mint(self) -> str:
        """A ticket of a user of its own."""
        ticket = secrets.token_urlsafe(12)
        self._owners[ticket] = pb.Success(
            user_id=f"user-{next(self._numbers)}",
            family_id="family-1",
            subscription_tier=pb.SUBSCRIPTION_TIER_FAMILY,
            parental_state=pb.ParentalState(feature_lock_diary=True),
        )
        return ticket

    async def Validate(  # noqa: N802  (the contract's name)
        self, request: pb.ValidateRequest, context: aio.ServicerContext[Any, Any]
    ) -> pb.ValidateResponse:
        owner = self._owners.pop(request.ticket, None)
        if owner is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such ticket, or redeemed already")
        return pb.ValidateResponse(success=owner)

    async def up(self) -> None:
        if self._server is None:
            server = aio.server(options=[("grpc.so_reuseport", 0)])
            pb_grpc.add_ConnectProxyServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]  # generated
            self._port = server.add_insecure_port(self.address)
            await server.start()
            self._server = server

    async def down(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace=0)


@asynccontextmanager
async def running_identity() -> AsyncIterator[MemoryIdentity]:
    """An identity service that is up, on a free loopback port."""
    identity = MemoryIdentity()
    await identity.up()
    try:
        yield identity
    finally:
        await identity.down()
