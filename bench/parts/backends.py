"""Runs all services that the events call, in one process: python -m bench.parts.backends PORT

Each of these services allows everything.
"""

import argparse
import asyncio
from typing import Any, Final

from grpc import aio

from bench.parts.identity import YES, Stub
from proto.realtime.v1 import channel_access_pb2 as access
from proto.realtime.v1 import channel_access_pb2_grpc as access_grpc
from proto.realtime.v1 import connect_proxy_pb2 as identity
from proto.realtime.v1 import connect_proxy_pb2_grpc as identity_grpc
from proto.realtime.v1 import rpc_backend_pb2 as rpc
from proto.realtime.v1 import rpc_backend_pb2_grpc as rpc_grpc

Context = aio.ServicerContext[Any, Any]


class Identity(Stub):
    """An identity service that implements Refresh too."""

    async def Refresh(  # noqa: N802  (the contract's name)
        self, request: identity.RefreshRequest, context: Context
    ) -> identity.ValidateResponse:
        return YES


# These are made once, so that the stub is fast. The answers of a slow stub would arrive one by one, and each would wake
# the service, which costs CPU.
GRANTED: Final = access.AuthorizeResponse(grant=access.Grant())
SAID: Final = rpc.CallResponse(data=b'{"entries":[]}')


class Family(access_grpc.ChannelAccessServiceServicer):
    """A family service that grants every request."""

    async def Authorize(  # noqa: N802  (the contract's name)
        self, request: access.AuthorizeRequest, context: Context
    ) -> access.AuthorizeResponse:
        return GRANTED


class Diary(rpc_grpc.RpcBackendServiceServicer):
    """An rpc backend with a fixed answer."""

    async def Call(self, request: rpc.CallRequest, context: Context) -> rpc.CallResponse:  # noqa: N802
        return SAID


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    identity_grpc.add_ConnectProxyServiceServicer_to_server(Identity(hang=False), server)  # type: ignore[no-untyped-call]
    access_grpc.add_ChannelAccessServiceServicer_to_server(Family(), server)  # type: ignore[no-untyped-call]
    rpc_grpc.add_RpcBackendServiceServicer_to_server(Diary(), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{options.port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
