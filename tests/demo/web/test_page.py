"""The API of the page's scripts."""

import httpx
import pytest
from aiohttp import ClientSession

from demo.identity import running_identity
from demo.web.board import Board
from demo.web.page import Page
from demo.web.server import running_server
from demo.web.stand_in import StandIn
from demo.web.ticket_desk import TicketDesk
from tests.harness.plain_http import NO_CERTIFICATES


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b"[" * 10_000, b'{"user": ' + b"1" * 5000 + b"}"],
    ids=["empty", "a list", "cut off", "not UTF-8", "too deep", "a number with too many digits"],
)
async def test_a_body_that_is_not_a_json_object_is_answered_with_400(body: bytes) -> None:
    async with running_identity() as identity, ClientSession() as session:
        board = Board(5.0)
        page = Page(
            board=board,
            identity=identity,
            desk=TicketDesk(identity, []),
            stand_in=StandIn(session, "http://127.0.0.1:1", "", board.publications),
            window_s=5.0,
            centrifugo_url=None,
            sdk=None,
            why_direct="no Centrifugo",
        )
        async with (
            running_server({}, page.routes()) as url,
            httpx.AsyncClient(base_url=url, verify=NO_CERTIFICATES) as browser,
        ):
            answer = await browser.post("/api/ticket", content=body, headers={"Content-Type": "text/plain; charset=x"})

    assert (answer.status_code, answer.text) == (400, "The body must be a JSON object.\n")
