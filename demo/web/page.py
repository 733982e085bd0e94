"""Serves the files of the page, and the API that its scripts use."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from demo.identity import MemoryIdentity
from demo.people import CHAT, HOUSEHOLDS
from demo.process import ROOT
from demo.web.board import Board
from demo.web.stand_in import StandIn
from demo.web.ticket_desk import TicketDesk, UnknownUserError

FILES: Final = ROOT / "demo" / "page"

Body = Mapping[str, Any]
Answering = Callable[[Body], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Page:
    """The page, and the parts that it uses. `sdk` and `centrifugo_url` are only used if `why_direct` is ""."""

    board: Board
    identity: MemoryIdentity
    desk: TicketDesk
    stand_in: StandIn
    window_s: float
    centrifugo_url: str | None
    sdk: Path | None
    why_direct: str

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/", self._index),
            web.get("/sdk/centrifuge.js", self._sdk),
            web.static("/page", FILES),
            web.get("/api/setup", self._setup),
            web.get("/api/state", self._state),
            web.post("/api/ticket", _answered(self._ticket)),
            web.post("/api/direct/connect", _answered(lambda body: self.stand_in.connect(_text(body, "token")))),
            web.post("/api/direct/refresh", _answered(lambda body: self.stand_in.refresh(_text(body, "client")))),
            web.post("/api/direct/subscribe", _answered(self._subscribe)),
            web.post("/api/direct/publish", _answered(self._publish)),
            web.post("/api/direct/leave", _answered(self._leave)),
        ]

    async def _index(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(FILES / "index.html")

    async def _sdk(self, _: web.Request) -> web.StreamResponse:
        if self.sdk is None:
            raise web.HTTPNotFound(text="The SDK is not installed.\n")
        return web.FileResponse(self.sdk)

    async def _setup(self, _: web.Request) -> web.Response:
        return web.json_response({
            "centrifugo": None if self.why_direct else self.centrifugo_url,
            "why_direct": self.why_direct,
            "people": list(HOUSEHOLDS),
            "chat": CHAT,
            "window_s": self.window_s,
        })  # fmt: skip

    async def _state(self, request: web.Request) -> web.Response:
        """Answers with the state and the new items. `after` in the query has three numbers, such as `1,2,3`: the last
        `seq` of samples, timeline and publications that the page has.
        """
        try:
            samples, timeline, publications = map(int, request.query.get("after", "0,0,0").split(","))
        except ValueError:
            raise web.HTTPBadRequest(text="after must be three numbers, such as 0,0,0.\n") from None
        return web.json_response({
            "phase": self.board.phase,
            "identity": self.identity.condition,
            "chat_locked": self.identity.is_chat_locked("child"),
            "health": self.board.health,
            "samples": self.board.samples.after(samples),
            "timeline": self.board.timeline.after(timeline),
            "publications": self.board.publications.after(publications),
        })  # fmt: skip

    async def _ticket(self, body: Body) -> Mapping[str, Any]:
        try:
            return await self.desk.ticket(_text(body, "user"), has_spare=body.get("spare") is True)
        except UnknownUserError:
            raise web.HTTPBadRequest(text="user must be a lower-case name, such as child or visitor-7.\n") from None

    async def _subscribe(self, body: Body) -> Mapping[str, Any]:
        return await self.stand_in.subscribe(_text(body, "client"), _text(body, "channel"))

    async def _publish(self, body: Body) -> Mapping[str, Any]:
        return await self.stand_in.publish(_text(body, "client"), _text(body, "channel"), body.get("data"))

    async def _leave(self, body: Body) -> Mapping[str, Any]:
        self.stand_in.leave(_text(body, "client"))
        return {}


def _answered(answer: Answering) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler that calls `answer` with the JSON object in the request, and sends the result as JSON."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise web.HTTPBadRequest(text="The body must be a JSON object.\n")
        return web.json_response(await answer(body))

    return handle


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise web.HTTPBadRequest(text=f"{name} must be a string.\n")
    return value
