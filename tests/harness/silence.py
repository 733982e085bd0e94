"""A way to a server that can fall silent, as a host does whose network is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Way:
    """A TCP forwarder to `port`. What arrives while it is silent is taken and never passed on."""

    port: int
    own_port: int = 0
    silent_for_new: bool = False
    connections: int = 0
    _pumps: list[asyncio.Task[None]] = field(default_factory=list)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _joining: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.own_port}"

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        if self.silent_for_new:
            return
        self._joining += 1
        try:
            there, to_there = await asyncio.open_connection("127.0.0.1", self.port)
        finally:
            self._joining -= 1
        self._writers.append(to_there)
        self._pumps += [asyncio.create_task(_pump(reader, to_there)), asyncio.create_task(_pump(there, writer))]

    def fall_silent(self, *, for_new: bool) -> None:
        """From now on nothing passes on the connections there are; on new ones neither with `for_new`."""
        self.silent_for_new = for_new
        for pump in self._pumps:
            pump.cancel()
        self._pumps.clear()

    async def close(self) -> None:
        self.fall_silent(for_new=True)
        while self._joining:
            await asyncio.sleep(0.01)
        self.fall_silent(for_new=True)
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    """A way to a server on loopback, on a port of its own."""
    way = Way(port)
    server = await asyncio.start_server(way.join, "127.0.0.1", 0)
    way.own_port = server.sockets[0].getsockname()[1]
    async with server:
        try:
            yield way
        finally:
            await way.close()
