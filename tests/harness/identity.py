"""An identity service over real gRPC, scripted per test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
from grpc import aio

from proto.realtime.v1 import connect_proxy_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc
from tests.harness.grpc_stub import Context, GrpcStub, running

Script = Callable[[Any, Context], Awaitable[pb.ValidateResponse]]  # called with a ValidateRequest or a RefreshRequest


def success(**fields: Any) -> Script:
    """Answers every ticket with this Success; `user_id` is "u-1" by default."""
    return answers(pb.ValidateResponse(success=pb.Success(**{"user_id": "u-1", **fields})))


def answers(response: pb.ValidateResponse) -> Script:
    """Answers every ticket with `response`."""

    async def script(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        return response

    return script


def aborts(status: grpc.StatusCode, details: str = "") -> Script:
    """Ends every call with `status`."""

    async def script(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await context.abort(status, details)
        raise AssertionError("abort does not return")

    return script


DOWN: Script = aborts(grpc.StatusCode.UNAVAILABLE)


async def hangs(request: Any, context: Context) -> NoReturn:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError("the event is never set")


def hanging(asked: asyncio.Event) -> Script:
    """Never answers; sets `asked` when a call arrives."""

    async def script(request: Any, context: Context) -> pb.ValidateResponse:
        asked.set()
        return await hangs(request, context)

    return script


class IdentityStub(GrpcStub, pb_grpc.ConnectProxyServiceServicer):
    """`script` answers Validate, and `refresh_script` answers Refresh.

    `calls` and `refreshes` are the requests so far.
    """

    def __init__(
        self, credentials: grpc.ServerCredentials | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(success(), credentials, host=host, port=port)
        self.refresh_script: Script = aborts(grpc.StatusCode.UNIMPLEMENTED)
        self.refreshes: list[pb.RefreshRequest] = []

    def add_to(self, server: aio.Server) -> None:
        pb_grpc.add_ConnectProxyServiceServicer_to_server(self, server)

    async def Validate(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        response: pb.ValidateResponse = await self.answer(request, context)
        return response

    async def Refresh(self, request: pb.RefreshRequest, context: Context) -> pb.ValidateResponse:
        self.refreshes.append(request)
        return await self.refresh_script(request, context)


@asynccontextmanager
async def identity_stub(
    credentials: grpc.ServerCredentials | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[IdentityStub]:
    """A running stub. It uses TLS if `credentials` are given. Port 0 stands for any free port."""
    async with running(IdentityStub(credentials, host=host, port=port)) as stub:
        yield stub
