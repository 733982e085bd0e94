"""A client that writes raw bytes, for requests that an HTTP client cannot send."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.harness.service import Service


@dataclass
class RawClient:
    """One connection to the service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def begin(self, path: str, content_length: int, body: bytes = b"") -> None:
        """Send the head of a POST and part of its body."""
        head = f"POST {path} HTTP/1.1\r\nHost: service\r\nContent-Length: {content_length}\r\n\r\n"
        await self.send(head.encode() + body)

    async def post(self, path: str, body: bytes, headers: bytes = b"") -> None:
        """Send a whole POST; `headers` are whole lines."""
        head = f"POST {path} HTTP/1.1\r\nHost: service\r\nContent-Length: {len(body)}\r\n"
        await self.send(head.encode() + headers + b"\r\n" + body)

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of the response."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            body = await self.reader.readexactly(int(length[1])) if length else await self.reader.read()
        return int(head.split()[1]), body


@asynccontextmanager
async def raw_client(running: Service, *, receive_buffer: int | None = None) -> AsyncIterator[RawClient]:
    """A connection to a `uvicorn_service`, closed at the end. `receive_buffer` is the size of its buffer in bytes."""
    url = running.http.base_url
    connection = socket.socket()
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (url.host, url.port))
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
