"""Starts the page: its server, the task that watches the service, and the parts that the page's clients need."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession, ClientTimeout

from demo.control import Levers, levers_of
from demo.identity import LOOPBACK, MemoryIdentity
from demo.web.board import Board
from demo.web.page import Page
from demo.web.sdk import find_sdk, why_direct
from demo.web.server import running_server
from demo.web.stand_in import StandIn
from demo.web.ticket_desk import TicketDesk
from demo.web.watch import watching

TIMEOUT: Final = ClientTimeout(total=5)


@dataclass(frozen=True)
class Place:
    """The port of the page, and facts about the other parts.

    `spare_tickets` are the tickets of the fallback pool. The page uses the last ticket first. `centrifugo_port` is None
    without Centrifugo. `window_s` is FALLBACK_DEGRADED_WINDOW_MS of the service, in seconds.
    """

    page_port: int
    service_url: str
    centrifugo_port: int | None
    guard_token: str
    spare_tickets: list[str]
    window_s: float

    @property
    def centrifugo_url(self) -> str | None:
        port = self.centrifugo_port
        return None if port is None else f"ws://{LOOPBACK}:{port}/connection/websocket"


@asynccontextmanager
async def running_page(identity: MemoryIdentity, place: Place, levers: Levers) -> AsyncIterator[str]:
    """Run the page, and yield its URL. Adds the levers of `identity` to `levers`.

    The caller may add more levers while the page runs.
    """
    board = Board(place.window_s)
    levers.update(levers_of(identity, board.tell))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession(timeout=TIMEOUT))
        page = _page(identity, place, board, session)
        urls = (place.centrifugo_url,) if place.centrifugo_url else ()
        server = running_server(levers, page.routes(), port=place.page_port, websocket_urls=urls)
        url = await stack.enter_async_context(server)
        await stack.enter_async_context(watching(session, place.service_url, board))
        yield url


def _page(identity: MemoryIdentity, place: Place, board: Board, session: ClientSession) -> Page:
    sdk = find_sdk()
    return Page(
        board=board,
        identity=identity,
        desk=TicketDesk(identity, place.spare_tickets),
        stand_in=StandIn(session, place.service_url, place.guard_token, board.publications),
        window_s=place.window_s,
        centrifugo_url=place.centrifugo_url,
        sdk=sdk,
        why_direct=why_direct(place.centrifugo_url, sdk),
    )
