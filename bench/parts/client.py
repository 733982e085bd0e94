"""A small HTTP client that sends one request at a time on each connection.

It must use less CPU than the service that it measures.
"""

import asyncio
from typing import Final, cast

from centrifugo_proxy.protocol.codes import path_of
from centrifugo_proxy.protocol.guard import TOKEN_HEADER_NAME

HEAD_END: Final = b"\r\n\r\n"
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
ANSWER_S: Final = 30.0


def connect_request(ticket: str, token: str = "") -> bytes:
    """A connect request like that of Centrifugo. If `token` is set, the request has the guard's header."""
    body = (
        '{"client":"9336a229-2400-4ebc-8c50-0a643d22e8a0","transport":"websocket","protocol":"json",'
        f'"encoding":"json","data":{{"token":"{ticket}"}}}}'
    )
    return proxy_request("connect", body, token)


def proxy_request(event: str, body: str, token: str = "") -> bytes:
    """A request for this event. `body` must be ASCII."""
    guard = f"{TOKEN_HEADER_NAME}: {token}\r\n" if token else ""
    return (
        f"POST {path_of(event)} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"{guard}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Connection(asyncio.Protocol):
    """Sends a request and returns the status of the answer."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    async def exchange(self, request: bytes) -> int:
        """The status of the answer. Raises OSError if the connection ends first, and TimeoutError after 30 s."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(ANSWER_S):
            return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.Transport, transport
        )  # uvloop's transport does not inherit from asyncio.Transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        if end and _is_whole(head, body) and self._answer is not None and not self._answer.done():
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the connection was closed"))


def _is_whole(head: bytes, body: bytes) -> bool:
    """True if the body is complete: it has the length of Content-Length, or ends with the last chunk."""
    _, name, rest = head.lower().partition(b"\r\ncontent-length:")
    return len(body) >= int(rest.partition(b"\r\n")[0]) if name else body.endswith(LAST_CHUNK)


async def connected(port: int) -> Connection:
    """An open connection to `port` on loopback."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection
