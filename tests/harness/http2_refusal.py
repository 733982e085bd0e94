"""An HTTP/2 server on loopback that refuses every request as a mesh does: with an HTTP status or a reset, but no gRPC
status."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tests.harness.tcp_server import tcp_server

PREFACE_BYTES: Final = 24
FRAME_HEAD_BYTES: Final = 9
HEADERS, RST_STREAM, SETTINGS, PING = 1, 3, 4, 6
ACK, END_STREAM, END_HEADERS = 1, 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """An HTTP/2 frame: https://www.rfc-editor.org/rfc/rfc9113#section-4.1"""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def header(name: bytes, value: bytes) -> bytes:
    """A header field, literal without indexing: https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2"""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


@asynccontextmanager
async def answering_http(status: int, **fields: str) -> AsyncIterator[str]:
    """The address of a server that answers with this HTTP status and these headers, with `_` for `-` in names."""
    sent = header(b":status", str(status).encode())
    for name, value in fields.items():
        sent += header(name.replace("_", "-").encode(), value.encode())
    async with _refusing(HEADERS, END_STREAM | END_HEADERS, sent) as address:
        yield address


@asynccontextmanager
async def resetting(code: int) -> AsyncIterator[str]:
    """The address of a server that resets every stream: https://www.rfc-editor.org/rfc/rfc9113#section-7"""
    async with _refusing(RST_STREAM, 0, code.to_bytes(4)) as address:
        yield address


@asynccontextmanager
async def _refusing(kind_sent: int, flags_sent: int, sent: bytes) -> AsyncIterator[str]:
    """The address of a server that answers each request with this frame."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(PREFACE_BYTES)
        writer.write(frame(SETTINGS, 0, 0, b""))
        while head := await reader.read(FRAME_HEAD_BYTES):
            payload = await reader.readexactly(int.from_bytes(head[:3]))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9])
            if kind == HEADERS:
                writer.write(frame(kind_sent, flags_sent, stream, sent))
            elif kind in (SETTINGS, PING) and not flags & ACK:
                writer.write(frame(kind, ACK, 0, payload if kind == PING else b""))

    async with tcp_server(serve) as port:
        yield f"127.0.0.1:{port}"
