"""The lean handler answers as Django's does, uses no threads, and keeps nothing about callers that have hung up."""

import asyncio
import gc
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import grpc
import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings

from centrifugo_proxy.protocol.codes import EVENTS
from centrifugo_proxy.telemetry.metrics_page import MetricsPage
from proto.realtime.v1 import connect_proxy_pb2 as pb
from realtime_site.serving.asgi_types import Message, Scope
from realtime_site.serving.disconnect import AsgiCaller
from realtime_site.serving.handler import LeanHandler
from realtime_site.serving.request import LeanRequest
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, aborts
from tests.harness.service import Service, connect_body, service, uvicorn_service
from tests.harness.threads import thread_calls

PATHS = (
    *(f"/centrifugo/{event}" for event in EVENTS),
    "/health", "/health/live", "/health/ready", "/metrics",
    "/", "/nowhere", "/health/", "/centrifugo", "/centrifugo/connect/", "//health", "/hé alth", "/..%2f",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "post")
BODIES = (b"", b"no JSON", b"{}", b"[]", orjson.dumps(connect_body("a-ticket")), b"\xff\xfe", b"[" * 500)


class Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def request(path: str, method: str = "GET", **more: Any) -> Scope:
    """A scope like uvicorn's."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"service"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 9730),
        **more,
    }


async def answer_of(handler: ASGIHandler, running: Service, scope: Scope, *parts: bytes) -> Answer:
    """The handler's answer to this request, whose body arrives in these parts. The caller does not hang up."""
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    incoming.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Message] = []

    async def receive() -> Message:
        if not incoming:
            await asyncio.Event().wait()
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    runtime = running.runtime and replace(running.runtime, metrics_page=MetricsPage(every_s=0))
    await handler({**scope, "state": {"runtime": runtime}}, receive, send)
    body = b"".join(message["body"] for message in sent[1:])
    return Answer(sent[0]["status"], list(sent[0]["headers"]), body)


def comparable(path: str, answer: Answer) -> Answer:
    """The answer. For /metrics it has only the names of the metrics, because each request changes the values."""
    if path != "/metrics" or answer.status != 200:
        return answer
    names = b"\n".join(line.rpartition(b" ")[0] for line in answer.body.splitlines())
    return Answer(answer.status, [header for header in answer.headers if header[0] != b"Content-Length"], names)


async def both(running: Service, scope: Scope, *parts: bytes) -> tuple[Answer, Answer]:
    """The answers of the lean handler and of Django's own."""
    lean, stock = LeanHandler(), ASGIHandler()
    answers = [await answer_of(handler, running, scope, *parts) for handler in (lean, stock, lean, stock)]
    return comparable(scope["path"], answers[2]), comparable(scope["path"], answers[3])


@pytest.mark.parametrize("path", PATHS)
async def test_every_method_on_every_path_gets_djangos_answer(identity: IdentityStub, path: str) -> None:
    async with service(identity.address) as running:
        for method in METHODS:
            lean, stock = await both(running, request(path, method), BODIES[4])

            assert lean == stock, method


@pytest.mark.parametrize("length", [b"9" * 5000, b"0" * 5000 + b"9" * 20])
async def test_a_size_announced_with_thousands_of_digits_is_refused(identity: IdentityStub, length: bytes) -> None:
    scope = request("/centrifugo/connect", "POST", headers=[(b"host", b"service"), (b"content-length", length)])

    async with service(identity.address) as running:
        answer = await answer_of(LeanHandler(), running, scope)

    assert answer.status == 413


@pytest.mark.parametrize("path", ["/centrifugo/connect", "/centrifugo/rpc", "/health", "/nowhere"])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_every_body_gets_djangos_answer(identity: IdentityStub, path: str, body: bytes) -> None:
    async with service(identity.address) as running:
        whole = await both(running, request(path, "POST"), body)
        in_parts = await both(running, request(path, "POST"), body[:7], b"", body[7:])

    assert whole[0] == whole[1] == in_parts[0] == in_parts[1]


@pytest.mark.parametrize(
    "host",
    [b"example.org", b"example.org:9730", b"EXAMPLE.org", b"example.com", b"", b"[::1]:80", b"a b", b"\xff", None],
)
async def test_every_host_gets_djangos_answer(identity: IdentityStub, host: bytes | None) -> None:
    headers = [] if host is None else [(b"host", host)]

    async with service(identity.address, ALLOWED_HOSTS=["example.org"]) as running:
        lean, stock = await both(running, request("/nowhere", headers=headers))

    assert lean == stock
    assert lean.status == (404 if host and host.lower().startswith(b"example.org") else 400)


@pytest.mark.parametrize(
    "more",
    [
        {"query_string": b"a=1&b=%ff"},
        {"query_string": b"\xff\xfe"},
        {"root_path": "/behind"},
        {"scheme": "https", "http_version": "2"},
        {"server": None, "client": None},
        {"server": ("/run/service.sock", None)},
        {
            "headers": [
                (b"host", b"service"),
                (b"cookie", b"a=\xff; b"),
                (b"x-\xe9", b"\xff"),
            ]
        },
        {"headers": [(b"host", b"a"), (b"host", b"b"), (b"content-type", b"text/plain; charset=nonsense")]},
    ],
    ids=str,
)
async def test_every_unusual_request_gets_djangos_answer(identity: IdentityStub, more: dict[str, Any]) -> None:
    async with service(identity.address) as running:
        for path, method in (("/health", "GET"), ("/centrifugo/connect", "POST"), ("/nowhere", "GET")):
            lean, stock = await both(running, request(path, method, **more), BODIES[4])

            assert lean == stock


async def test_a_path_that_is_empty_below_the_root_path_gets_404_in_json(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        lean, stock = await both(running, request("/health", root_path="/health"))

    assert (lean.status, stock.status) == (404, 404)
    assert orjson.loads(lean.body) == {"error": {"code": 404, "message": "not found"}}


async def test_a_bug_is_answered_in_json_and_logged_with_its_traceback(
    identity: IdentityStub, caplog: pytest.LogCaptureFixture
) -> None:
    async with service(identity.address) as running:
        scope = request("/health")
        running.runtime = None  # type: ignore[assignment]
        lean, stock = await both(running, scope)

    assert lean == stock
    assert (lean.status, orjson.loads(lean.body)) == (500, {"error": {"code": 500, "message": "internal error"}})
    records = [record for record in caplog.records if record.name == "centrifugo_proxy"]
    assert {(record.getMessage(), vars(record)["view"], record.exc_info is not None) for record in records} == {
        ("a request failed with an internal error", "health", True)
    }


async def test_a_middleware_with_hooks_is_refused() -> None:
    with (
        override_settings(MIDDLEWARE=["tests.realtime_site.serving.test_handler.with_view_hook"]),
        pytest.raises(ImproperlyConfigured, match="accepted: middlewares without these hooks"),
    ):
        LeanHandler()


class with_view_hook:  # noqa: N801  (Django calls it like a function)
    """A middleware with a hook that Django would run."""

    async_capable, sync_capable = True, False

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response

    async def __call__(self, request: Any) -> Any:
        return await self.get_response(request)

    async def process_view(self, *args: Any) -> None:
        raise AssertionError("never called")


ASKED = (
    ("/centrifugo/connect", "POST"), ("/centrifugo/rpc", "POST"), ("/centrifugo/connect", "GET"),
    ("/health", "GET"), ("/health/ready", "GET"), ("/metrics", "GET"), ("/nowhere", "GET"),
)  # fmt: skip


@pytest.mark.parametrize("status", [None, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE])
@pytest.mark.parametrize("allowed_hosts", [["*"], ["service"], ["another"]], ids=str)
async def test_no_request_uses_a_thread(
    identity: IdentityStub, status: grpc.StatusCode | None, allowed_hosts: list[str]
) -> None:
    identity.script = aborts(status) if status else identity.script
    async with service(identity.address, ALLOWED_HOSTS=allowed_hosts) as running:
        handler = LeanHandler()
        before = threading.active_count()

        with thread_calls() as calls:
            for path, method in ASKED:
                await answer_of(handler, running, request(path, method), BODIES[4])

        assert calls == []
        assert threading.active_count() == before


async def test_the_stock_handler_uses_threads(identity: IdentityStub) -> None:
    """So the check in test_no_request_uses_a_thread detects threads."""
    async with service(identity.address) as running:
        with thread_calls() as calls:
            await answer_of(ASGIHandler(), running, request("/health"))

    assert {"sync_to_async", "ThreadPoolExecutor.submit"} <= set(calls)


async def hang_up(running: Service, head: bytes, when: asyncio.Event | None) -> None:
    """Send these bytes on a connection, wait for `when` if it is given, and close the connection."""
    url = running.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(head)
    await writer.drain()
    if when is not None:
        await when.wait()
    writer.close()
    await writer.wait_closed()


def remembered() -> int:
    """The number of requests and callers in memory. A connection that is kept alive keeps its last request there."""
    gc.collect()
    return sum(issubclass(type(each), AsgiCaller | LeanRequest) for each in gc.get_objects())


@pytest.mark.parametrize("part", ["whole", "half a body", "half a head"])
async def test_callers_that_hang_up_leave_nothing_in_memory(identity: IdentityStub, part: str) -> None:
    asked = asyncio.Event()
    callers = 100

    async def hangs(query: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        if len(identity.calls) == callers:
            asked.set()
        await asyncio.Event().wait()
        raise AssertionError("the event is never set")

    identity.script = hangs
    body = BODIES[4]
    whole = b"POST /centrifugo/connect HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    sent = {"whole": whole, "half a body": whole[:-20], "half a head": whole[:40]}[part]
    async with uvicorn_service(identity.address, IDENTITY_VALIDATE_DEADLINE_MS=2000) as running:
        await running.http.get("/health")
        tasks, kept = len(asyncio.all_tasks()), remembered()

        await asyncio.gather(*(hang_up(running, sent, asked if part == "whole" else None) for _ in range(callers)))

        # The calls to identity continue until their deadline; requests and callers are released at once.
        async with asyncio.timeout(20):
            while len(asyncio.all_tasks()) != tasks or remembered() != kept:
                await asyncio.sleep(0.05)
        assert running.runtime.capacity.taken == 0
        assert (await running.http.get("/health")).status_code == 200
