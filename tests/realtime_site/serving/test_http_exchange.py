"""Responses whose body does not have the announced length, and responses that announce no length."""

import asyncio

import pytest

from realtime_site.serving.asgi_types import Message, Receive, Scope, Send
from realtime_site.serving.http_exchange import Exchange
from realtime_site.serving.http_messages import Headers
from realtime_site.serving.http_parser import Request

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}


class Recorded:
    """A connection that records what the exchange writes, and how it fails."""

    shutting_down = False
    default_headers: Headers = ()

    def __init__(self) -> None:
        self.written = b""
        self.begun: bool | None = None

    def write(self, head: bytes, body: bytes = b"") -> None:
        self.written += head + body

    def update_reading(self) -> None:
        raise AssertionError("the whole request has arrived")

    def answered(self, exchange: Exchange) -> None:
        raise AssertionError("the response is not whole")

    def fail(self, *, begun: bool) -> None:
        self.begun = begun

    async def drained(self) -> None:
        """Nothing is buffered."""


@pytest.mark.parametrize(
    ("parts", "written", "begun"),
    [
        ([(b"abc", False)], b"", False),
        ([(b"abcdef", False)], b"", False),
        ([(b"abcdef", True)], b"", False),
        ([(b"abc", True), (b"d", False)], HEAD + b"abc", True),
        ([(b"abc", True), (b"def", True)], HEAD + b"abc", True),
    ],
)
async def test_a_response_of_the_wrong_length_counts_as_begun_only_if_a_part_of_it_was_written(
    parts: list[tuple[bytes, bool]], written: bytes, begun: bool
) -> None:
    connection = Recorded()
    exchange = Exchange(connection, Request("GET", b"/", "/", b"", [], "1.1", True, False))
    exchange.end_body()
    tasks: set[asyncio.Task[None] | None] = set()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for body, more in parts:
            await send({"type": "http.response.body", "body": body, "more_body": more})

    await exchange.run(application, {}, tasks)

    assert (connection.written, connection.begun) == (written, begun)


class Answering(Recorded):
    """A connection that expects a whole response."""

    def answered(self, exchange: Exchange) -> None:
        """Called at the end of the exchange; there is nothing to do."""


@pytest.mark.parametrize(
    ("version", "written"),
    [
        ("1.1", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"),
        ("1.0", b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcd"),
    ],
)
async def test_a_response_without_a_length_is_chunked_and_in_http_1_0_it_ends_with_the_connection(
    version: str, written: bytes
) -> None:
    connection = Answering()
    exchange = Exchange(connection, Request("GET", b"/", "/", b"", [], version, True, False))
    exchange.end_body()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send({"type": "http.response.body", "body": b"d"})

    await exchange.run(application, {}, set())

    assert (connection.written, connection.begun, exchange.keep_alive) == (written, None, version == "1.1")
