"""The protocol class refuses a request as the endpoint does: same bytes, same counts, after the same checks."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from realtime_site.serving import overload
from realtime_site.serving.known_heads import known_heads
from tests.harness.identity import IdentityStub, hanging
from tests.harness.raw_http import RawClient, raw_client
from tests.harness.samples import OVERLOADED
from tests.harness.service import Service, uvicorn_service

BODY = b'{"client":"c","data":{"token":"t"}}'
TIMED = 'realtime_proxy_duration_seconds_count{type="connect"}'
BY_VIEW = 'django_http_requests_total_by_view_transport_method_total{method="POST",transport="http",view="connect"}'
COUNTS = (OVERLOADED, TIMED, BY_VIEW)


def request(
    *fields: str, path: str = "/centrifugo/connect", method: str = "POST", host: str = "service", body: bytes = BODY
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def answer(client: RawClient, sent: bytes) -> bytes:
    """The whole response, without its date."""
    await client.send(sent)
    async with asyncio.timeout(20):
        head = await client.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        body = await client.reader.readexactly(int(length[1])) if length else b""
    return re.sub(rb"date: [^\r]*\r\n", b"", head) + body


@asynccontextmanager
async def full_service(identity: IdentityStub, **settings: Any) -> AsyncIterator[Service]:
    """A service whose only slot is taken."""
    asked = asyncio.Event()
    identity.script = hanging(asked)
    async with (
        uvicorn_service(identity.address, PROXY_MAX_INFLIGHT=1, IDENTITY_VALIDATE_DEADLINE_MS=60_000, **settings) as it,
        raw_client(it) as holder,
    ):
        token, secret = settings.get("CENTRIFUGO_PROXY_TOKEN"), settings.get("CENTRIFUGO_PROXY_SECRET")
        guard = [f"X-Centrifugo-Proxy-Token: {token}"] if token else []
        guard += [f"X-Centrifugo-Proxy-Signature: {signature(secret, BODY)}"] if secret else []
        await holder.send(request(*guard))
        async with asyncio.timeout(20):
            await asked.wait()
        yield it


def signature(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()


async def counts(running: Service, status: bytes) -> list[float]:
    by_status = f'django_http_responses_total_by_status_total{{status="{status.decode()}"}}'
    return [await running.metric(sample) for sample in (*COUNTS, by_status)]


@pytest.mark.parametrize("mode", ResponseMode)
async def test_a_known_head_is_refused_with_the_bytes_and_counts_of_the_endpoint(
    identity: IdentityStub, mode: ResponseMode
) -> None:
    async with full_service(identity, CENTRIFUGO_RESPONSE_MODE=mode) as running, raw_client(running) as client:
        sent = request(f"X-Made-Up: {mode}")
        first, deltas = await answer(client, sent), []  # the head is new, so the endpoint refuses
        assert known_heads.find(sent) is not None
        for _ in range(3):
            before = await counts(running, first.split()[1])
            assert await answer(client, sent) == first
            deltas.append(
                [after - each for after, each in zip(await counts(running, first.split()[1]), before, strict=True)]
            )

    assert deltas == [[1.0] * 4] * 3
    assert first.split()[1] == (b"503" if mode is ResponseMode.HTTP else b"200")
    assert b"too many requests in flight" in first


async def test_the_protocol_class_refuses_without_the_application(
    identity: IdentityStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []
    own = overload.Overload.refusal

    def seen(self: overload.Overload, *arguments: Any) -> bytes | None:
        refused.append(own(self, *arguments))
        return refused[-1]

    monkeypatch.setattr(overload.Overload, "refusal", seen)
    async with full_service(identity) as running, raw_client(running) as client:
        sent = request("X-Made-Up: protocol")
        for _ in range(3):
            await answer(client, sent)

    assert [each is not None for each in refused] == [True, True]


@pytest.mark.parametrize(
    ("sent", "settings", "status"),
    [
        (request(path="/centrifugo/rpc"), {}, 501),
        (request(method="PUT"), {}, 405),
        (request(path="/nowhere"), {}, 404),
        (request(body=b" " * 300), {"PROXY_MAX_BODY_BYTES": 200}, 413),
        (request(host="other"), {"ALLOWED_HOSTS": ["service"]}, 400),
        (request("X-Centrifugo-Proxy-Token: wrong"), {"CENTRIFUGO_PROXY_TOKEN": "a-token"}, 403),
        (request("X-Centrifugo-Proxy-Signature: 00"), {"CENTRIFUGO_PROXY_SECRET": "a-secret"}, 403),
        (request(path="/centrifugo/connect?a=%ff"), {}, 503),
    ],
    ids=["not configured", "method", "path", "size", "host", "token", "signature", "query"],
)
async def test_a_request_that_only_the_endpoint_can_judge_always_gets_the_endpoints_answer(
    identity: IdentityStub, sent: bytes, settings: dict[str, Any], status: int
) -> None:
    answers = []
    async with full_service(identity, **settings) as running:
        for _ in range(3):
            async with raw_client(running) as client:
                answers.append(await answer(client, sent))

    assert [each.split()[1] for each in answers] == [str(status).encode()] * 3
    assert len(set(answers)) == 1


@pytest.mark.parametrize("guard", ["token", "secret"])
async def test_the_guard_checks_every_body(identity: IdentityStub, guard: str) -> None:
    """A known head has the signature of one body. With this head, another body of the same length is refused."""
    settings = {"CENTRIFUGO_PROXY_TOKEN": "a-token"} if guard == "token" else {"CENTRIFUGO_PROXY_SECRET": "a-secret"}
    fields = {
        "token": "X-Centrifugo-Proxy-Token: a-token",
        "secret": f"X-Centrifugo-Proxy-Signature: {signature('a-secret', BODY)}",
    }
    async with full_service(identity, **settings) as running, raw_client(running) as client:
        right = [await answer(client, request(fields[guard])) for _ in range(2)]
        other = await answer(client, request(fields[guard], body=BODY.replace(b'"t"', b'"u"')))

    assert [each.split()[1] for each in right] == [b"503", b"503"]
    assert other.split()[1] == (b"503" if guard == "token" else b"403")


async def test_a_request_with_a_known_head_reaches_identity_once_a_slot_is_free(identity: IdentityStub) -> None:
    async with full_service(identity) as running, raw_client(running) as client:
        sent = request("X-Made-Up: free")
        refused = [(await answer(client, sent)).split()[1] for _ in range(2)]
        running.runtime.capacity.limit = 2
        await client.send(sent)
        async with asyncio.timeout(20):
            while len(identity.calls) < 2:
                await asyncio.sleep(0.01)

    assert refused == [b"503", b"503"]


async def test_pipelined_requests_are_all_refused(identity: IdentityStub) -> None:
    async with full_service(identity) as running, raw_client(running) as client:
        await client.send(request("X-Made-Up: pipelined") * 60)
        answers = [await client.answer() for _ in range(60)]

    assert {status for status, _ in answers} == {503}


async def test_no_more_requests_start_than_there_are_slots(identity: IdentityStub) -> None:
    """All requests arrive in the same iteration of the event loop, before any of them has taken a slot."""
    async with full_service(identity) as running, AsyncExitStack() as clients:
        sent = request("X-Made-Up: burst")
        await answer(await clients.enter_async_context(raw_client(running)), sent)
        running.runtime.capacity.limit = 4
        asking = []
        for client in [await clients.enter_async_context(raw_client(running)) for _ in range(9)]:
            client.writer.write(sent)
            asking.append(asyncio.create_task(client.reader.readuntil(b"\r\n\r\n")))
        async with asyncio.timeout(20):
            while sum(each.done() for each in asking) < 6 or len(identity.calls) < 4:
                await asyncio.sleep(0.01)
        refused = [each.result() for each in asking if each.done()]
        for each in asking:
            each.cancel()

    assert [head.split()[1] for head in refused] == [b"503"] * 6
    assert len(identity.calls) == 4
