"""A real family service and real rpc backends over gRPC, scripted per test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc import aio

from proto.realtime.v1 import channel_access_pb2 as access_pb
from proto.realtime.v1 import channel_access_pb2_grpc as access_grpc
from proto.realtime.v1 import rpc_backend_pb2 as rpc_pb
from proto.realtime.v1 import rpc_backend_pb2_grpc as rpc_grpc
from tests.harness.grpc_stub import Context, GrpcStub, Script, running


def says(response: Any) -> Script:
    """Answers every call with `response`."""

    async def script(request: Any, context: Context) -> Any:
        return response

    return script


def grants(expire_at: int = 0) -> Script:
    """The family service allows everything. Its grants end at `expire_at` in Unix seconds; 0 stands for no end."""
    return says(access_pb.AuthorizeResponse(grant=access_pb.Grant(expire_at=expire_at)))


def returns(data: bytes) -> Script:
    """An rpc backend that answers every call with this JSON."""
    return says(rpc_pb.CallResponse(data=data))


class FamilyServiceStub(GrpcStub, access_grpc.ChannelAccessServiceServicer):
    """Answers Authorize."""

    def add_to(self, server: aio.Server) -> None:
        access_grpc.add_ChannelAccessServiceServicer_to_server(self, server)

    async def Authorize(self, request: access_pb.AuthorizeRequest, context: Context) -> access_pb.AuthorizeResponse:
        response: access_pb.AuthorizeResponse = await self.answer(request, context)
        return response


class RpcBackendStub(GrpcStub, rpc_grpc.RpcBackendServiceServicer):
    """Answers Call."""

    def add_to(self, server: aio.Server) -> None:
        rpc_grpc.add_RpcBackendServiceServicer_to_server(self, server)

    async def Call(self, request: rpc_pb.CallRequest, context: Context) -> rpc_pb.CallResponse:
        response: rpc_pb.CallResponse = await self.answer(request, context)
        return response


@asynccontextmanager
async def family_service(
    script: Script | None = None, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[FamilyServiceStub]:
    """A running family service that allows everything by default. It uses TLS if `credentials` are given."""
    async with running(FamilyServiceStub(script or grants(), credentials)) as stub:
        yield stub


@asynccontextmanager
async def rpc_backend(
    script: Script | None = None, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[RpcBackendStub]:
    """A running rpc backend that answers `{}` by default. It uses TLS if `credentials` are given."""
    async with running(RpcBackendStub(script or returns(b"{}"), credentials)) as stub:
        yield stub
