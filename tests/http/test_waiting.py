"""Requests that wait before the service handles them: in the kernel, or for the event loop."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from realtime_site.serving.http_messages import CONTINUE
from tests.harness.identity import IdentityStub
from tests.harness.samples import CANCELLED, OVERLOADED
from tests.harness.service import Service, connect_body, uvicorn_service

DELAYS = "realtime_proxy_queue_delay_seconds_count"
DELAY = "realtime_proxy_queue_delay_seconds_sum"
WAIT_S = 0.2


@contextmanager
def caller(running: Service) -> Iterator[socket.socket]:
    """A connection with a connect request that the event loop has not received yet."""
    body = orjson.dumps(connect_body("a-ticket"))
    head = f"POST /centrifugo/connect HTTP/1.1\r\nHost: service\r\nContent-Length: {len(body)}\r\n\r\n"
    url = running.http.base_url
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(head.encode() + body)
        yield connection


async def answer(connection: socket.socket) -> bytes:
    """The status line of the answer, without interim responses."""
    connection.setblocking(False)
    received = b""
    async with asyncio.timeout(20):
        while not received.replace(CONTINUE, b""):
            received += await asyncio.get_running_loop().sock_recv(connection, 4096)
    return received.replace(CONTINUE, b"").partition(b"\r\n")[0]


async def until_one_more(running: Service, metric: str, before: float) -> None:
    async with asyncio.timeout(20):
        while await running.metric(metric) < before + 1:
            await asyncio.sleep(0.01)


async def test_identity_is_not_called_for_a_caller_that_hung_up_while_its_request_waited(
    identity: IdentityStub,
) -> None:
    async with uvicorn_service(identity.address) as running:
        before = await running.metric(CANCELLED)
        with caller(running):
            pass
        time.sleep(WAIT_S)  # noqa: ASYNC251  (blocks the event loop)

        await until_one_more(running, CANCELLED, before)

    assert identity.calls == []


async def test_a_caller_that_is_still_connected_is_answered_after_a_wait(identity: IdentityStub) -> None:
    async with uvicorn_service(identity.address) as running:
        with caller(running) as connection:
            time.sleep(WAIT_S)  # noqa: ASYNC251  (blocks the event loop)

            assert await answer(connection) == b"HTTP/1.1 200 OK"


async def test_a_caller_that_has_closed_only_its_sending_side_is_answered(identity: IdentityStub) -> None:
    async with uvicorn_service(identity.address) as running:
        with caller(running) as connection:
            connection.shutdown(socket.SHUT_WR)
            time.sleep(WAIT_S)  # noqa: ASYNC251  (blocks the event loop)

            assert await answer(connection) == b"HTTP/1.1 200 OK"


async def test_a_request_that_waited_too_long_is_refused_without_a_call_to_identity(identity: IdentityStub) -> None:
    async with uvicorn_service(identity.address, IDENTITY_VALIDATE_DEADLINE_MS=100) as running:
        before = await running.metric(OVERLOADED)
        with caller(running) as connection:
            time.sleep(WAIT_S)  # noqa: ASYNC251  (blocks the event loop)

            assert await answer(connection) == b"HTTP/1.1 503 Service Unavailable"
        assert await running.metric(OVERLOADED) == before + 1

    assert identity.calls == []


async def test_the_metrics_show_how_long_a_request_waited(identity: IdentityStub) -> None:
    async with uvicorn_service(identity.address) as running:
        number, seconds = await running.metric(DELAYS), await running.metric(DELAY)
        with caller(running) as connection:
            time.sleep(WAIT_S)  # noqa: ASYNC251  (blocks the event loop)
            await answer(connection)

        assert await running.metric(DELAYS) == number + 1
        assert await running.metric(DELAY) - seconds > WAIT_S * 0.9
