"""gRPC servers on loopback that break a method's contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc import aio

from tests.harness.grpc_stub import Context

VALIDATE = "realtime.v1.ConnectProxyService/Validate"


@asynccontextmanager
async def generic_server(handler: "grpc.RpcMethodHandler[Any, Any]", method: str = VALIDATE) -> AsyncIterator[str]:
    """The address of a gRPC server with this handler for one method."""
    service, _, name = method.partition("/")
    server = aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=0)


@asynccontextmanager
async def silent_ok_server(method: str = VALIDATE) -> AsyncIterator[str]:
    """The address of a gRPC server that ends every call of the method with OK and without a message."""

    async def no_messages(request: bytes, context: Context) -> AsyncIterator[bytes]:
        messages: tuple[bytes, ...] = ()
        for message in messages:
            yield message

    async with generic_server(grpc.unary_stream_rpc_method_handler(no_messages), method) as address:
        yield address
