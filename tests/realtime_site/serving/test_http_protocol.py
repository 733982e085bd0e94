"""One connection: the size of a head, the memory in use, and clients that send nothing, do not read, or hang up."""

import asyncio
import gc
import os
import tracemalloc
from contextlib import AsyncExitStack
from typing import Any

import grpc
import orjson
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from realtime_site.serving import http_protocol
from realtime_site.serving.http_parser import HEAD_BYTES
from realtime_site.serving.http_protocol import HttpProtocol
from tests.harness.grpc_stub import Context
from tests.harness.identity import DOWN, IdentityStub, success
from tests.harness.raw_http import RawClient, raw_client
from tests.harness.service import connect_body, uvicorn_service
from tests.harness.waiting import until

HEAD = b"GET /health/live HTTP/1.1\r\nHost: service\r\nX-Long: "


async def ended(client: RawClient) -> bytes:
    """The bytes until the server closes the connection, or b"" if the connection is reset."""
    try:
        return await client.reader.read()
    except ConnectionError:
        return b""


async def send_head(client: RawClient, size: int, *, at_once: bool) -> None:
    """Send a head of this many bytes."""
    head = HEAD + b"a" * (size - len(HEAD) - 4) + b"\r\n\r\n"
    parts = [head] if at_once else [head[at : at + 5000] for at in range(0, size, 5000)]
    for part in parts:
        await client.send(part)


@pytest.mark.parametrize("at_once", [True, False])
async def test_heads_up_to_the_limit_are_answered_one_after_another(at_once: bool) -> None:
    async with uvicorn_service() as running, raw_client(running) as client:
        answers = []
        for _ in range(3):
            await send_head(client, HEAD_BYTES, at_once=at_once)
            answers.append((await client.answer())[0])

    assert answers == [200, 200, 200]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_head_above_the_limit_is_refused_and_the_connection_is_closed(at_once: bool) -> None:
    async with uvicorn_service() as running, raw_client(running) as client:
        await send_head(client, HEAD_BYTES + 1, at_once=at_once)

        assert (await ended(client)).startswith(b"HTTP/1.1 431 ")


async def test_a_body_may_be_larger_than_a_head() -> None:
    async with uvicorn_service(PROXY_MAX_BODY_BYTES=1_000_000) as running, raw_client(running) as client:
        await client.begin("/centrifugo/connect", 500_000, b" " * 500_000)

        assert (await client.answer())[0] == 400


async def test_a_connection_is_closed_if_its_head_stays_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.1)
    async with uvicorn_service() as running, raw_client(running) as client:
        await client.send(b"GET /health/live HTTP/1.1\r\nHost: service\r\n\r\n")
        first, _ = await client.answer()
        await client.send(HEAD)

        assert (first, await ended(client)) == (200, b"")


async def test_a_complete_head_stops_the_timer_for_incomplete_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 1)
    async with uvicorn_service() as running, raw_client(running) as client:
        await client.send(HEAD)
        await client.send(b"x\r\n\r\n")
        first, _ = await client.answer()
        await running.http.get("/health/live")
        await asyncio.sleep(1.3)
        await client.send(HEAD + b"x\r\n\r\n")

        assert (first, (await client.answer())[0]) == (200, 200)


async def test_a_connection_on_which_nothing_arrives_is_closed_after_the_keep_alive_time() -> None:
    async with uvicorn_service(keep_alive_s=0.1) as running, raw_client(running) as client:
        assert await ended(client) == b""


async def settled_kib() -> float:
    """Python's memory in KiB when it no longer changes, because everything that was sent has been processed."""
    before, now = 0.0, traced_kib()
    while abs(now - before) > 1:
        await asyncio.sleep(0.1)
        before, now = now, traced_kib()
    return now


def traced_kib() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / 1024


BEFORE_THE_GUARD = {
    "silence": b"",
    "a line break": b"\r\n",
    "half a head": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 32_600,
    "many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:b\r\n" * 126,
    "half a body": b"POST /centrifugo/connect HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n" + b"x" * 65_000,
    "small chunks": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 65_000,
    "half a trailer": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 32_600,
    "a query": b"GET /health?" + b"a=b&" * 8_000,
    "answers": b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n" * 1_500,
}


@pytest.mark.parametrize("sent", BEFORE_THE_GUARD.values(), ids=BEFORE_THE_GUARD.keys())
async def test_a_connection_uses_at_most_128_kib_before_the_guard_checks_a_request(sent: bytes) -> None:
    async with uvicorn_service() as running, AsyncExitStack() as stack:
        async with raw_client(running) as warm:
            await warm.send(sent[:1000])
        tracemalloc.start()
        before = await settled_kib()

        clients = [await stack.enter_async_context(raw_client(running)) for _ in range(3)]
        for client in clients:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.writer.write(sent)
        after = await settled_kib()
        tracemalloc.stop()
        unsent = sum(client.writer.transport.get_write_buffer_size() for client in clients) / 1024

    assert (after - before - unsent) / len(clients) < 128


@pytest.mark.parametrize("sent", [b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n"])
async def test_bytes_that_never_form_a_request_do_not_keep_a_connection_open(sent: bytes) -> None:
    async with uvicorn_service(keep_alive_s=0.5) as running, raw_client(running) as client:
        await client.send(sent)
        reading = asyncio.create_task(ended(client))
        started = asyncio.get_running_loop().time()
        while not reading.done() and asyncio.get_running_loop().time() < started + 20:
            client.writer.write(b"\r\n")
            await asyncio.sleep(0.05)

        assert reading.done()
        assert (await reading)[:12] in {b"", b"HTTP/1.1 404"}


async def test_the_connection_of_a_client_that_does_not_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "FLUSH_S", 1)
    request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    async with uvicorn_service(keep_alive_s=1) as running, raw_client(running, receive_buffer=4096) as client:
        await client.send(request)
        await client.answer()
        opened = connections()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(request * 20_000)  # more answers than socket buffers hold

        await expect_connections(0)

    assert opened == 1


def connections() -> int:
    """The number of connections in memory, including ended ones."""
    gc.collect()
    return in_memory()


def in_memory() -> int:
    """The number of connections in memory, including those that a garbage collection would free."""
    return sum(type(each) is HttpProtocol for each in gc.get_objects())


async def expect_connections(number: int) -> None:
    """Wait until this many connections are in memory. Fails after a minute."""

    async def seen() -> bool:
        await asyncio.sleep(0.2)  # counting holds up the service, which runs in this process
        return connections() == number

    await until(seen, within_s=60)


async def test_a_reset_connection_leaves_nothing_in_memory() -> None:
    async with uvicorn_service() as running:
        await running.http.get("/health/live")
        before = connections()
        for sent in (b"", HEAD, b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\n"):
            async with raw_client(running) as client:
                await client.send(sent)
                await running.http.get("/health/live")
                client.writer.transport.abort()

        await expect_connections(before)


async def test_an_ended_connection_is_freed_without_a_garbage_collection() -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    async with uvicorn_service() as running:
        before = connections()
        gc.disable()
        try:
            for _ in range(5):
                async with raw_client(running) as client:
                    await client.send(request)
                    await ended(client)

            await until(lambda: in_memory() <= before)
            assert in_memory() == before
        finally:
            gc.enable()


@pytest.mark.parametrize("answered", ["at once", "after a while"])
async def test_a_client_that_has_closed_its_sending_side_gets_an_answer_when_identity_answers(
    identity: IdentityStub, answered: str
) -> None:
    async def slow(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await asyncio.sleep(0.4)
        return await success()(request, context)

    identity.script = success() if answered == "at once" else slow
    async with uvicorn_service(identity.address) as running, raw_client(running) as client:
        body = orjson.dumps(connect_body("a-ticket"))
        await client.begin("/centrifugo/connect", len(body), body)
        client.writer.write_eof()
        answer = await ended(client)

    assert answer.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"").startswith(b"HTTP/1.1 200 OK\r\n")


async def test_no_ticket_is_used_for_a_caller_that_has_closed_its_connection(identity: IdentityStub) -> None:
    """Identity fails after the caller has hung up."""
    gone = asyncio.Event()

    async def fail_late(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await gone.wait()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "")

    settings: dict[str, Any] = {"FALLBACK_DEGRADED_WINDOW_MS": 0, "IDENTITY_PROBE_INTERVAL_MS": 0}
    async with uvicorn_service(identity.address, tickets=["a", "b"], **settings) as running:
        identity.script = DOWN
        await running.connect("no-such-ticket")
        identity.script = fail_late
        async with raw_client(running) as client:
            body = orjson.dumps(connect_body("a"))
            await client.begin("/centrifugo/connect", len(body), body)
            await until(lambda: len(identity.calls) == 2)
        gone.set()
        await until(lambda: running.runtime.capacity.taken == 0)
        left = len(running.runtime.admission.pool)

    assert left == 2


async def test_pipelined_requests_are_answered_although_the_parser_gets_them_in_pieces(identity: IdentityStub) -> None:
    """The parser gets a kilobyte at a time, so some requests become complete only after earlier ones are answered."""
    identity.script = success()
    body = orjson.dumps(connect_body("a-ticket"))
    head = b"POST /centrifugo/connect HTTP/1.1\r\nHost: service\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with uvicorn_service(identity.address) as running, raw_client(running) as client:
        await client.send((head + body) * 40)
        statuses = [(await client.answer())[0] for _ in range(40)]

    assert statuses == [200] * 40


async def test_line_breaks_after_several_requests_do_not_count_together_against_the_limit_of_a_head(
    identity: IdentityStub,
) -> None:
    """A server skips line breaks before a request, because some clients send one after each request."""
    body = orjson.dumps(connect_body("a-ticket"))
    async with (
        uvicorn_service(identity.address) as running,
        raw_client(running) as client,
        raw_client(running) as other,
    ):
        statuses = []
        for _ in range(5):
            await client.post("/centrifugo/connect", body)
            statuses.append((await client.answer())[0])
            await client.send(b"\r\n" * (HEAD_BYTES // 8))
            await other.send(b"GET /health/live HTTP/1.1\r\nHost: service\r\n\r\n")
            await other.answer()  # by now the line breaks have been read, separately from the next request

    assert statuses == [200] * 5


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch) -> list[HttpProtocol]:
    """The protocols of the accepted connections, in order."""
    made: list[HttpProtocol] = []
    original = HttpProtocol.connection_made

    def connection_made(self: HttpProtocol, transport: asyncio.Transport) -> None:
        made.append(self)
        original(self, transport)

    monkeypatch.setattr(HttpProtocol, "connection_made", connection_made)
    return made


@pytest.mark.parametrize("earlier", [0, 1])
async def test_during_the_shutdown_an_idle_connection_is_closed_after_its_next_request(
    identity: IdentityStub, monkeypatch: pytest.MonkeyPatch, accepted: list[HttpProtocol], earlier: int
) -> None:
    monkeypatch.setattr(http_protocol, "DRAIN_S", 60)
    body = orjson.dumps(connect_body("a-ticket"))
    async with uvicorn_service(identity.address) as running, raw_client(running) as client:
        await until(lambda: bool(accepted))
        for _ in range(earlier):
            await client.post("/centrifugo/connect", body)
            assert (await client.answer())[0] == 200
        accepted[0].shutdown()
        await client.post("/centrifugo/connect", body)

        answered = await asyncio.wait_for(client.reader.read(), 10)

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answered


async def test_during_the_shutdown_an_idle_connection_is_closed_even_if_no_request_arrives(
    monkeypatch: pytest.MonkeyPatch, accepted: list[HttpProtocol]
) -> None:
    monkeypatch.setattr(http_protocol, "DRAIN_S", 0.05)
    async with uvicorn_service() as running, raw_client(running) as client:
        await until(lambda: bool(accepted))
        accepted[0].shutdown()

        assert await asyncio.wait_for(client.reader.read(), 10) == b""


async def test_a_request_that_arrives_before_its_connection_is_closed_as_idle_is_answered(
    accepted: list[HttpProtocol],
) -> None:
    """The request arrives after the loop has read, in the iteration in which the deadline passes."""
    async with uvicorn_service() as running, raw_client(running) as client:
        await until(lambda: bool(accepted))
        descriptor = client.writer.get_extra_info("socket").fileno()
        os.write(descriptor, b"GET /health/live HTTP/1.1\r\nHost: service\r\n\r\n")
        accepted[0]._on_deadline()

        assert (await client.answer())[0] == 200
