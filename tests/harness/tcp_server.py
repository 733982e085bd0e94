"""A TCP server on loopback that closes all its connections at the end of a test."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

TURNS_TO_ACCEPT: Final = 6  # iterations of the event loop
EXPECTED: Final = (OSError, EOFError, asyncio.CancelledError)


@asynccontextmanager
async def tcp_server(serve: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that runs `serve` for each connection.

    At the end the handlers are cancelled and the connections aborted. A handler's exception is raised here, except
    OSError and EOFError, which a client causes by closing its connection.
    """
    handlers: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        handlers.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for _ in range(TURNS_TO_ACCEPT):  # asyncio leaves the newest connections open when a server closes
            await asyncio.sleep(0)
        server.close()
        await _end(handlers, writers)


async def _end(handlers: list[asyncio.Task[None]], writers: list[asyncio.StreamWriter]) -> None:
    for handler in handlers:
        handler.cancel()
    results = await asyncio.gather(*handlers, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
    for result in results:
        if result is not None and not isinstance(result, EXPECTED):
            raise result
