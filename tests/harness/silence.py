"""A forwarder to a server. It can fall silent, as a host does when its network is down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.harness.tcp_server import tcp_server


@dataclass
class Forwarder:
    """A TCP forwarder to `port`. While it is silent, it accepts bytes and does not forward them."""

    port: int
    own_port: int = 0
    silent_for_new: bool = False
    connections: int = 0
    _pumps: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.own_port}"

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward bytes in both directions until cancelled. Forward none if it is silent for new connections."""
        self.connections += 1
        if self.silent_for_new:
            return
        there, to_there = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            self._pumps += [asyncio.create_task(_pump(reader, to_there)), asyncio.create_task(_pump(there, writer))]
            await asyncio.Event().wait()
        finally:
            to_there.close()

    def fall_silent(self, *, for_new: bool) -> None:
        """Stop forwarding on the open connections, and with `for_new` also on new ones."""
        self.silent_for_new = for_new
        for pump in self._pumps:
            pump.cancel()
        self._pumps.clear()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def forwarder_to(port: int) -> AsyncIterator[Forwarder]:
    """A running forwarder to a server on loopback."""
    forwarder = Forwarder(port)
    async with tcp_server(forwarder.join) as forwarder.own_port:
        try:
            yield forwarder
        finally:
            forwarder.fall_silent(for_new=True)
