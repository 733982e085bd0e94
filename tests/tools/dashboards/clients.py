"""Centrifugo's requests to several processes of the service, with short pauses."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count, cycle
from typing import Any, Final

import httpx

from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.service import connect_body
from tests.http.session_events.asking import event_body

PAUSE_S: Final = 0.05
CONNECT: Final = "/centrifugo/connect"
EVENTS: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("subscribe", {"channel": "family:f-1"}),
    ("subscribe", {"channel": "family:f-2"}),
    ("publish", {"channel": "family:f-1", "data": {}}),
    ("sub_refresh", {"channel": "family:f-1"}),
    ("subscribe", {"channel": "room:1"}),
    ("rpc", {"method": "diary.read", "data": {}}),
    ("refresh", {}),
)


class Clients:
    """Sends connects with the given tickets, session events, and connects that the guard refuses.

    The processes receive them in turn.
    """

    def __init__(self, services: Sequence[httpx.AsyncClient]) -> None:
        self.services = services
        self.tickets: Iterator[str] = iter(())
        self._going = asyncio.Event()

    def use(self, tickets: Iterator[str]) -> None:
        """Continue with these tickets."""
        self.tickets = tickets
        self._going.set()

    def rest(self) -> None:
        """Pause `run` after its current round, until the next `use`."""
        self._going.clear()

    async def run(self) -> None:
        """Send requests until cancelled."""
        events = cycle(EVENTS)
        for number in count():
            await self._going.wait()
            http = self.services[number % len(self.services)]
            await http.post(CONNECT, json=connect_body(next(self.tickets)))
            if number % 5 == 0:
                await http.post(CONNECT, json=connect_body("intruder"), headers={"X-Centrifugo-Proxy-Token": "wrong"})
            name, fields = next(events)
            await http.post(f"/centrifugo/{name}", json=event_body(**fields))
            await asyncio.sleep(PAUSE_S)

    async def rush(self, number: int) -> None:
        """Send this many connects at once to each process."""
        posts = [http.post(CONNECT, json=connect_body("rush")) for http in self.services for _ in range(number)]
        await asyncio.gather(*posts)


@asynccontextmanager
async def clients(ports: Sequence[int], token: str) -> AsyncIterator[Clients]:
    """Clients that have the guard's token. They send nothing until `use` is called."""
    async with AsyncExitStack() as stack:
        services = [
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, verify=NO_CERTIFICATES) for port in ports
        ]
        for http in services:
            http.headers["X-Centrifugo-Proxy-Token"] = token
            await stack.enter_async_context(http)
        made = Clients(services)
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
