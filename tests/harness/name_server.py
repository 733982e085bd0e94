"""A DNS server on loopback whose answers a test decides."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, cast

A: Final = 1
NOT_FOUND: Final = 3


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers queries for A records with `addresses`: NXDOMAIN if there are none, no answer at all if `silent`."""

    addresses: list[str] = field(default_factory=list)
    silent: bool = False
    questions: int = 0
    port: int = 0
    transport: asyncio.DatagramTransport | None = None

    def target(self, port: int) -> str:
        """A gRPC target that resolves its name with this server."""
        return f"dns://127.0.0.1:{self.port}/identity.example:{port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.questions += 1
        if not self.silent and self.transport is not None:
            self.transport.sendto(self._answer(data), addr)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5  # the root label, type and class
        question = query[12:end]
        records = self.addresses if int.from_bytes(question[-4:-2]) == A else []
        flags = 0x8180 | (0 if self.addresses else NOT_FOUND)
        counts = (1).to_bytes(2) + len(records).to_bytes(2) + bytes(4)
        # A pointer to the queried name, type A, class IN, a TTL of an hour, four bytes.
        head = b"\xc0\x0c" + A.to_bytes(2) + (1).to_bytes(2) + (3600).to_bytes(4) + (4).to_bytes(2)
        answers = b"".join(head + socket.inet_aton(address) for address in records)
        return query[:2] + flags.to_bytes(2) + counts + question + answers


@asynccontextmanager
async def name_server(*addresses: str) -> AsyncIterator[NameServer]:
    """A running server that first answers with these addresses."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(list(addresses)), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
