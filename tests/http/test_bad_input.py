"""Bad input, limits and bursts: each request gets a clear answer without a traceback, and no request stays open."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from realtime_site.serving import disconnect
from tests.harness.bodies import BAD_REQUEST, INTERNAL_ERROR, INVALID_TICKET, UNAVAILABLE
from tests.harness.environment import service_settings_from
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, aborts, success
from tests.harness.raw_http import raw_client
from tests.harness.service import Service, connect_body, service, uvicorn_service
from tests.harness.waiting import until

CONNECT = "/centrifugo/connect"
VALID = json.dumps(connect_body("a-ticket")).encode()


def padded(length: int) -> bytes:
    """A valid body of exactly this many bytes."""
    return VALID.ljust(length)


def nested(depth: int) -> bytes:
    """A JSON object with arrays nested this deep."""
    return b'{"data":' + b"[" * depth + b"]" * depth + b"}"


def open_requests() -> int:
    """The number of asyncio tasks without the test's own. Each open request has a task."""
    return len(asyncio.all_tasks()) - 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"null",
        b"7",
        b'"a-ticket"',
        b"[]",
        b"[" + VALID + b"]",
        VALID + VALID,
        VALID[:-1],
        b"token=a-ticket",
        b"\xef\xbb\xbf" + VALID,
        VALID.decode().encode("utf-16"),
        VALID.replace(b"a-ticket", b"a\nticket"),
        VALID.replace(b'"a-ticket"', b"NaN"),
        VALID.replace(b'"a-ticket"', b"-Infinity"),
        b"{" * 60000,
        b"\x00" * 100,
    ],
    ids=lambda content: repr(content[:20]),
)
async def test_a_body_that_is_not_a_json_object_is_a_bad_request(identity: IdentityStub, content: bytes) -> None:
    async with service(identity.address) as running:
        response = await running.http.post(CONNECT, content=content)

    assert (response.status_code, response.json()) == (400, BAD_REQUEST)
    assert identity.calls == []


@pytest.mark.parametrize("name", ["client", "transport", "protocol"])
@pytest.mark.parametrize("value", [None, 7, True, [], {}])
async def test_a_field_of_the_wrong_type_is_a_bad_request(identity: IdentityStub, name: str, value: Any) -> None:
    async with service(identity.address) as running:
        response = await running.http.post(CONNECT, json=connect_body("a-ticket", **{name: value}))

    assert (response.status_code, response.json()) == (400, BAD_REQUEST)
    assert identity.calls == []


@pytest.mark.parametrize(
    "content",
    [
        VALID.replace(b'"a-ticket"', b"-" + b"9" * 300),
        VALID.replace(b'"a-ticket"', b"1e308"),
        VALID.replace(b'"a-ticket"', b"1e999"),
        VALID.replace(b'"a-ticket"', b"9" * 5000),
        VALID.replace(b"a-ticket", b"\xff\xfe"),
        VALID.replace(b"a-ticket", b"\xed\xa0\x80"),
        VALID.replace(b"a-ticket", b"\\ud800"),
        nested(1000),
        nested(2000),
        nested(30000),
        b'{"data":{"token":"a-ticket"},"data":null}',
        b'{"data":{"token":"a-ticket","token":7}}',
    ],
)
async def test_a_json_object_without_a_usable_ticket_is_an_invalid_ticket(
    identity: IdentityStub, content: bytes
) -> None:
    async with service(identity.address) as running:
        response = await running.http.post(CONNECT, content=content)

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)
    assert identity.calls == []


async def test_the_last_of_two_equal_keys_counts(identity: IdentityStub) -> None:
    content = b'{"data":{"token":"first"},"data":{"token":"second","token":"third"}}'

    async with service(identity.address) as running:
        response = await running.http.post(CONNECT, content=content)

    assert response.status_code == 200
    assert [call.ticket for call in identity.calls] == ["third"]


@pytest.mark.parametrize("b64data", ["!", "e30", "ключ", "/////w==", 7, None, [], "W10="])
async def test_malformed_b64data_is_an_invalid_ticket(identity: IdentityStub, b64data: Any) -> None:
    body = {"client": "c-1", "protocol": "protobuf", "b64data": b64data}

    async with service(identity.address) as running:
        response = await running.http.post(CONNECT, json=body)

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)
    assert identity.calls == []


async def test_a_ticket_in_b64data_is_accepted(identity: IdentityStub) -> None:
    body = {"client": "c-1", "protocol": "protobuf", "b64data": "eyJ0b2tlbiI6ImEtdGlja2V0In0="}

    async with service(identity.address) as running:
        response = await running.http.post(CONNECT, json=body)

    assert response.status_code == 200
    assert [(call.ticket, call.protocol) for call in identity.calls] == [("a-ticket", "protobuf")]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=utf-16",
        "application/json; charset*=nonsense''utf-8",
        ";",
    ],
)
@pytest.mark.parametrize("path", [CONNECT, f"{CONNECT}?x=y"])
async def test_the_content_type_does_not_change_the_answer(
    identity: IdentityStub, content_type: str, path: str
) -> None:
    headers = {"Content-Type": content_type}

    async with service(identity.address) as running:
        good = await running.http.post(path, content=VALID, headers=headers)
        bad = await running.http.post(path, content=b"token=a-ticket", headers=headers)

    assert (good.status_code, good.json()["result"]["user"]) == (200, "u-1")
    assert (bad.status_code, bad.json()) == (400, BAD_REQUEST)


@pytest.mark.parametrize(("variables", "limit"), [({}, 65536), ({"PROXY_MAX_BODY_BYTES": "1024"}, 1024)])
async def test_a_body_as_large_as_the_limit_is_accepted_and_a_larger_body_is_refused(
    identity: IdentityStub, variables: dict[str, str], limit: int
) -> None:
    async with service(identity.address, **service_settings_from(**variables)) as running:
        within = await running.http.post(CONNECT, content=padded(limit))
        beyond = await running.http.post(CONNECT, content=padded(limit + 1))

    assert within.status_code == 200
    assert (beyond.status_code, beyond.json()) == (413, BAD_REQUEST)
    assert beyond.headers["Connection"] == "close"
    assert len(identity.calls) == 1


async def test_the_service_stops_reading_a_body_at_the_size_limit() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024

    async with service() as running:
        response = await running.http.post(CONNECT, content=endless())

    assert response.status_code == 413
    assert sent == 65536 + 1024


async def test_a_body_with_a_too_large_content_length_is_refused_before_it_is_sent() -> None:
    async with uvicorn_service() as running, raw_client(running) as client:
        await client.begin(CONNECT, content_length=10_000_000)
        status, body = await client.answer()

    assert (status, json.loads(body)) == (413, BAD_REQUEST)


async def test_a_chunked_body_is_accepted(identity: IdentityStub) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(VALID), 10):
            yield VALID[start : start + 10]

    async with uvicorn_service(identity.address) as running:
        response = await running.http.post(CONNECT, content=in_chunks())

    assert response.request.headers["Transfer-Encoding"] == "chunked"
    assert response.status_code == 200
    assert [call.ticket for call in identity.calls] == ["a-ticket"]


async def test_a_body_that_never_arrives_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnect, "BODY_TIMEOUT_S", 0.1)

    async with uvicorn_service() as running, raw_client(running) as client:
        await client.begin(CONNECT, content_length=len(VALID), body=VALID[:10])
        status, body = await client.answer()

    assert (status, json.loads(body)) == (408, BAD_REQUEST)


async def test_a_body_that_arrives_too_slowly_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnect, "BODY_TIMEOUT_S", 0.2)

    async def drip() -> None:
        while True:
            await client.send(b" ")
            await asyncio.sleep(0.02)

    async with uvicorn_service() as running, raw_client(running) as client:
        await client.begin(CONNECT, content_length=len(VALID))
        dripping = asyncio.create_task(drip())
        status, body = await client.answer()
        dripping.cancel()

    assert (status, json.loads(body)) == (408, BAD_REQUEST)


async def test_slow_and_disconnected_clients_leave_no_open_request(
    identity: IdentityStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(disconnect, "BODY_TIMEOUT_S", 0.1)

    async with uvicorn_service(identity.address) as running:
        before = open_requests()
        for _ in range(5):
            async with raw_client(running) as vanished:
                await vanished.begin(CONNECT, content_length=len(VALID), body=VALID[:10])
            async with raw_client(running) as slow:
                await slow.begin(CONNECT, content_length=len(VALID), body=VALID[:10])
                await slow.answer()
        await until(lambda: open_requests() == before)
        inflight = await running.metric('realtime_proxy_inflight_requests{type="connect"}')
        response = await running.connect("a-ticket")

    assert (inflight, response.status_code) == (0, 200)
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


@pytest.mark.parametrize(
    "sent",
    [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00", b"POST /centrifugo/connect HTTP/1.1\r\nContent-Length: -1\r\n\r\n"],
    ids=["nonsense", "TLS", "negative length"],
)
async def test_bytes_that_are_not_a_request_are_refused_and_the_next_client_is_served(
    identity: IdentityStub, sent: bytes
) -> None:
    async with uvicorn_service(identity.address) as running:
        async with raw_client(running) as client:
            await client.send(sent)
            status, _ = await client.answer()
        response = await running.connect()

    assert (status, response.status_code) == (400, 200)


class Busy:
    """An identity service that answers only after the test has set `answer`."""

    def __init__(self, identity: IdentityStub) -> None:
        self.reached = asyncio.Event()
        self.answer = asyncio.Event()
        identity.script = self._script

    async def _script(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        self.reached.set()
        await self.answer.wait()
        return await success()(request, context)


async def outcome_count(running: Service, outcome: str) -> float:
    return await running.metric(f'realtime_proxy_requests_total{{outcome="{outcome}",type="connect"}}')


@pytest.mark.parametrize(("mode", "status"), [("http", 503), ("envelope", 200)])
async def test_a_request_above_capacity_is_refused_at_once_and_counted(
    identity: IdentityStub, mode: str, status: int
) -> None:
    busy = Busy(identity)
    settings = service_settings_from(CENTRIFUGO_RESPONSE_MODE=mode, PROXY_MAX_INFLIGHT="1")

    async with service(identity.address, **settings) as running:
        before = await outcome_count(running, "overloaded")
        first = asyncio.create_task(running.connect("first"))
        await busy.reached.wait()
        second = await running.connect("second")
        after = await outcome_count(running, "overloaded")
        busy.answer.set()
        served = await first

    assert second.status_code == status
    assert second.json() == {"error": {"code": 100, "message": "too many requests in flight", "temporary": True}}
    assert after - before == 1
    assert served.status_code == 200
    assert [call.ticket for call in identity.calls] == ["first"]


async def test_requests_up_to_the_capacity_are_served_at_the_same_time(identity: IdentityStub) -> None:
    busy = Busy(identity)

    async with service(identity.address, PROXY_MAX_INFLIGHT=3) as running:
        requests = [asyncio.create_task(running.connect(f"t-{number}")) for number in range(5)]
        while sum(request.done() for request in requests) < 2:
            await asyncio.sleep(0)
        busy.answer.set()
        statuses = [(await request).status_code for request in requests]

    assert sorted(statuses) == [200, 200, 200, 503, 503]


async def test_probes_are_answered_above_capacity(identity: IdentityStub) -> None:
    busy = Busy(identity)

    async with service(identity.address, PROXY_MAX_INFLIGHT=1) as running:
        first = asyncio.create_task(running.connect())
        await busy.reached.wait()
        statuses = [(await running.http.get(path)).status_code for path in ("/health", "/health/live", "/metrics")]
        busy.answer.set()
        await first

    assert statuses == [200, 200, 200]


async def test_every_request_releases_its_slot_when_it_ends(identity: IdentityStub) -> None:
    async with service(identity.address, PROXY_MAX_INFLIGHT=1) as running:
        bad = await running.http.post(CONNECT, content=b"[]")
        invalid = await running.connect("")
        identity.script = aborts(grpc.StatusCode.INTERNAL)
        fault = await running.connect()
        identity.script = aborts(grpc.StatusCode.UNAVAILABLE)
        outage = await running.connect()
        identity.script = success()
        good = await running.connect()

    answers = [response.json() for response in (bad, invalid, fault, outage)]
    assert answers == [BAD_REQUEST, INVALID_TICKET, INTERNAL_ERROR, UNAVAILABLE]
    assert good.status_code == 200


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ({"content": b"[]"}, "bad_request"),
        ({"content": b" " * 65537}, "bad_request"),
        ({"json": connect_body(7)}, "invalid_ticket"),
    ],
    ids=["not an object", "too large", "no ticket"],
)
async def test_bad_input_is_counted(identity: IdentityStub, options: dict[str, Any], outcome: str) -> None:
    sample = f'realtime_centrifugo_connect_total{{outcome="{outcome}"}}'

    async with service(identity.address) as running:
        before = await running.metric(sample)
        await running.http.post(CONNECT, **options)
        after = await running.metric(sample)

    assert after - before == 1
