"""A gRPC service on loopback whose answers a test chooses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from grpc import aio

from tools.ports import free_port

Context = aio.ServicerContext[Any, Any]
Script = Callable[[Any, Context], Awaitable[Any]]


class GrpcStub:
    """`script` answers each call; `calls` and `metadata` are the requests so far and their metadata.

    With port 0, the first `start` chooses a free port; each later `start` uses it again.
    """

    def __init__(
        self,
        script: Script,
        credentials: grpc.ServerCredentials | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.script = script
        self.calls: list[Any] = []
        self.metadata: list[dict[str, Any]] = []
        self.port = port
        self._host = host
        self._credentials = credentials
        self._server: aio.Server | None = None

    @property
    def address(self) -> str:
        return f"{self._host}:{self.port}"

    def add_to(self, server: aio.Server) -> None:
        """Register the methods with the server."""
        raise NotImplementedError

    async def answer(self, request: Any, context: Context) -> Any:
        self.calls.append(request)
        self.metadata.append(dict(context.invocation_metadata() or ()))
        return await self.script(request, context)

    async def start(self) -> None:
        self._server = aio.server(options=[("grpc.so_reuseport", 0)])
        self.add_to(self._server)
        self.port = self.port or free_port()
        if self._credentials is None:
            self.port = self._server.add_insecure_port(self.address)
        else:
            self.port = self._server.add_secure_port(self.address, self._credentials)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace=0)
            self._server = None


Stub = TypeVar("Stub", bound=GrpcStub)


@asynccontextmanager
async def running(stub: Stub) -> AsyncIterator[Stub]:
    """The stub, from its start to its stop."""
    await stub.start()
    try:
        yield stub
    finally:
        await stub.stop()
