"""Heads that are too large or too slow, and connections on which nothing comes."""

import asyncio

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from realtime_site.serving import http_protocol
from tests.harness.raw_http import RawClient, raw_client
from tests.harness.service import uvicorn_service

HEAD = b"GET /health/live HTTP/1.1\r\nHost: service\r\nX-Long: "


async def ended(client: RawClient) -> bytes:
    """All that comes until the server closes."""
    return await client.reader.read()


async def whole(client: RawClient, size: int, *, at_once: bool) -> None:
    """Send a head of this many bytes."""
    head = HEAD + b"a" * (size - len(HEAD) - 4) + b"\r\n\r\n"
    parts = [head] if at_once else [head[at : at + 5000] for at in range(0, size, 5000)]
    for part in parts:
        await client.send(part)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_head_up_to_the_limit_is_answered_and_the_next_one_too(at_once: bool) -> None:
    async with uvicorn_service() as running, raw_client(running) as client:
        answers = []
        for _ in range(3):
            await whole(client, http_protocol.HEAD_BYTES, at_once=at_once)
            answers.append((await client.answer())[0])

    assert answers == [200, 200, 200]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_larger_head_is_refused_and_the_connection_closed(at_once: bool) -> None:
    async with uvicorn_service() as running, raw_client(running) as client:
        await whole(client, http_protocol.HEAD_BYTES + 1, at_once=at_once)

        assert (await ended(client)).startswith(b"HTTP/1.1 431 ")


async def test_a_body_may_be_larger_than_a_head() -> None:
    async with uvicorn_service(PROXY_MAX_BODY_BYTES=1_000_000) as running, raw_client(running) as client:
        await client.begin("/centrifugo/connect", 500_000, b" " * 500_000)

        assert (await client.answer())[0] == 400


async def test_a_head_that_does_not_come_whole_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.1)
    async with uvicorn_service() as running, raw_client(running) as client:
        await client.send(b"GET /health/live HTTP/1.1\r\nHost: service\r\n\r\n")
        first, _ = await client.answer()
        await client.send(HEAD)

        assert (first, await ended(client)) == (200, b"")


async def test_a_head_in_time_leaves_no_timer_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.1)
    async with uvicorn_service() as running, raw_client(running) as client:
        await client.send(HEAD)
        await client.send(b"x\r\n\r\n")
        first, _ = await client.answer()
        await running.http.get("/health/live")
        await asyncio.sleep(0.3)
        await client.send(HEAD + b"x\r\n\r\n")

        assert (first, (await client.answer())[0]) == (200, 200)


async def test_a_silent_connection_is_closed_as_an_idle_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    made = HttpToolsProtocol.connection_made

    def impatient(protocol: HttpToolsProtocol, transport: asyncio.Transport) -> None:
        protocol.timeout_keep_alive = 0
        made(protocol, transport)

    monkeypatch.setattr(HttpToolsProtocol, "connection_made", impatient)
    async with uvicorn_service() as running, raw_client(running) as client:
        assert await ended(client) == b""
