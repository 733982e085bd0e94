"""Other web sites cannot reach the levers through a user's browser."""

import httpx
import pytest
from aiohttp import web

from demo.control import levers_of
from demo.identity import Condition, running_identity
from demo.web.origin_guard import refusal
from demo.web.server import running_server
from tests.harness.plain_http import NO_CERTIFICATES

HERE = "127.0.0.1:7000"


@pytest.mark.parametrize(
    ("method", "host", "origin", "fetch_site"),
    [
        ("GET", HERE, None, None),
        ("GET", "localhost:7000", None, "cross-site"),  # a link on another site leads here
        ("POST", HERE, None, None),  # curl
        ("POST", HERE, f"http://{HERE}", "same-origin"),
        ("POST", "localhost:7000", "http://localhost:7000", "same-origin"),
    ],
)
def test_requests_by_the_page_or_by_a_program_or_through_a_link_are_accepted(
    method: str, host: str, origin: str | None, fetch_site: str | None
) -> None:
    assert refusal(method, host, origin, fetch_site, 7000) == ""


@pytest.mark.parametrize(
    ("method", "host", "origin", "fetch_site", "named"),
    [
        ("GET", "rebound.test:7000", None, "same-origin", "Host"),  # a name that resolves to loopback
        ("GET", "127.0.0.1:7000.rebound.test", None, None, "Host"),
        ("GET", "127.0.0.1", None, None, "Host"),
        ("POST", "rebound.test:7000", "http://rebound.test:7000", "same-origin", "Host"),
        ("POST", HERE, "https://other.test", "cross-site", "Origin"),
        ("POST", HERE, "null", "cross-site", "Origin"),  # a sandboxed frame
        ("POST", HERE, "http://127.0.0.1:7001", "same-site", "Origin"),  # another program of this machine
        ("POST", HERE, "http://localhost:7000", "cross-site", "Origin"),
        ("GET", HERE, "https://other.test", "cross-site", "Origin"),
        ("POST", HERE, None, "cross-site", "Sec-Fetch-Site"),
        ("DELETE", HERE, None, "same-site", "Sec-Fetch-Site"),
    ],
)
def test_requests_from_other_sites_are_refused(
    method: str, host: str, origin: str | None, fetch_site: str | None, named: str
) -> None:
    assert refusal(method, host, origin, fetch_site, 7000).startswith(named)


async def test_another_site_cannot_pull_a_lever() -> None:
    async with (
        running_identity() as identity,
        running_server(levers_of(identity)) as url,
        httpx.AsyncClient(base_url=url, verify=NO_CERTIFICATES) as browser,
    ):
        foreign = await browser.post("/identity/down", headers={"Origin": "https://other.test"})
        rebound = await browser.post("/identity/down", headers={"Host": "rebound.test"})
        condition = identity.condition

    assert (foreign.status_code, rebound.status_code) == (403, 403)
    assert foreign.text == "Origin is 'https://other.test'; accepted: the origin of this page.\n"
    assert condition is Condition.UP


async def refuse(request: web.Request) -> web.StreamResponse:
    raise web.HTTPBadRequest


async def fail(request: web.Request) -> web.StreamResponse:
    raise RuntimeError("a bug")


async def test_every_answer_to_a_well_formed_request_has_the_content_security_policy_of_the_page() -> None:
    socket = "ws://127.0.0.1:7001/connection/websocket"
    server = running_server({}, [web.get("/refused", refuse), web.get("/failed", fail)], websocket_urls=(socket,))
    async with server as url, httpx.AsyncClient(base_url=url, verify=NO_CERTIFICATES) as browser:
        answers = [await browser.get(path) for path in ("/no/such/page", "/refused", "/failed")]
        answers.append(await browser.get("/", headers={"Host": "rebound.test"}))

    policies = {answer.status_code: answer.headers.get("Content-Security-Policy") for answer in answers}
    expected = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self' ws://127.0.0.1:7001/connection/websocket; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert policies == {404: expected, 400: expected, 500: expected, 403: expected}
