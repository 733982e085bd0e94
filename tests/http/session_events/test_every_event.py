"""The common behaviour of all session events: guard, limits, bad input, counters, spans, and the form of answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from centrifugo_proxy.protocol.codes import REFRESH_EVENTS, SESSION_EVENTS, ResponseMode
from proto.realtime.v1 import channel_access_pb2, rpc_backend_pb2
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.backends import FamilyServiceStub, RpcBackendStub, family_service, returns, rpc_backend, says
from tests.harness.bodies import BAD_REQUEST, BRANCHES, NOT_IMPLEMENTED, PERMISSION_DENIED, POOL_MARKS
from tests.harness.examples import examples
from tests.harness.identity import IdentityStub, aborts, answers, hangs, identity_stub, success
from tests.harness.service import Service, service
from tests.http.session_events.asking import (
    MODES,
    ask,
    event_body,
    meta,
    opened_in_runner,
    service_with_policy,
)

POLICY = """
[[channels]]
match = "family:{family_id}"
allow = ["subscribe", "publish"]
max_publish_bytes = 8

[[channels]]
match = "room:*"
allow = ["subscribe", "publish"]
ask_family_service = true

[[rpc]]
match = "diary.*"
backend = "diary"
max_request_bytes = 8
"""
EVENTS = pytest.mark.parametrize("event", SESSION_EVENTS)
OVERLOADED = {"error": {"code": 100, "message": "too many requests in flight", "temporary": True}}
ALLOWED_REQUEST = {"channel": "family:f-1", "method": "diary.list"}
DOWN = "127.0.0.1:1"


@dataclass
class Stack:
    """A service, and the real servers that it calls."""

    running: Service
    identity: IdentityStub
    family: FamilyServiceStub
    diary: RpcBackendStub

    def call_count(self) -> int:
        """The number of calls to these servers for session events."""
        return len(self.identity.refreshes) + len(self.family.calls) + len(self.diary.calls)


@asynccontextmanager
async def running_stack(**options: Any) -> AsyncIterator[Stack]:
    """The service and its servers, which allow everything by default."""
    async with identity_stub() as identity, family_service() as family, rpc_backend() as diary:
        identity.refresh_script = success(family_id="f-1", expire_at=1_900_000_000)
        addresses = {"FAMILY_SERVICE_GRPC_ADDRESS": family.address, "RPC_BACKENDS": {"diary": diary.address}}
        async with service_with_policy(POLICY, identity.address, **addresses, **options) as running:
            yield Stack(running, identity, family, diary)


def status_and_body(response: httpx.Response) -> tuple[int, Any]:
    return response.status_code, response.json()


@EVENTS
async def test_without_the_guards_header_no_peer_is_called(event: str) -> None:
    async with running_stack(CENTRIFUGO_PROXY_TOKEN="made-up") as stack:
        refused = await ask(stack.running, event, channel="room:1", method="diary.list")
        calls = stack.call_count()
        allowed = await stack.running.http.post(
            f"/centrifugo/{event}", json=event_body(**ALLOWED_REQUEST), headers={"X-Centrifugo-Proxy-Token": "made-up"}
        )

    assert (status_and_body(refused), calls) == ((403, PERMISSION_DENIED), 0)
    assert allowed.status_code == 200


@EVENTS
@MODES
async def test_a_session_event_that_is_not_configured_is_answered_with_501(event: str, mode: ResponseMode) -> None:
    async with service(DOWN, CENTRIFUGO_RESPONSE_MODE=mode) as running:
        response = await ask(running, event, **ALLOWED_REQUEST)

    assert status_and_body(response) == (501, NOT_IMPLEMENTED)


@EVENTS
async def test_the_guard_also_protects_events_that_are_not_configured(event: str) -> None:
    async with service(DOWN, CENTRIFUGO_PROXY_TOKEN="made-up") as running:
        response = await ask(running, event, **ALLOWED_REQUEST)

    assert status_and_body(response) == (403, PERMISSION_DENIED)


async def test_refresh_can_be_turned_on_and_off_without_the_other_events() -> None:
    async with service(DOWN, CENTRIFUGO_REFRESH="on") as running:
        on = {event: (await ask(running, event, **ALLOWED_REQUEST)).status_code for event in SESSION_EVENTS}
    async with service_with_policy("", CENTRIFUGO_REFRESH="off") as running:
        off = {event: (await ask(running, event, **ALLOWED_REQUEST)).status_code for event in SESSION_EVENTS}

    assert on == {"refresh": 503, "subscribe": 501, "sub_refresh": 501, "publish": 501, "rpc": 501}
    assert off == {"refresh": 501, "subscribe": 200, "sub_refresh": 200, "publish": 200, "rpc": 200}


BAD_BODIES = [
    b"", b" ", b"no json", b"[]", b"null", b"7", b'"text"', b"{", b'{"user":1}', b'{"user":null}', b'{"channel":[]}',
    b'{"method":{}}', b'{"client":7}', b'{"b64data":7}', b'{"meta":NaN}', b'{"x":01}', b"\xff\xfe",
    b'{"channel":"\xff"}', b'{"channel":"\\ud800"}', b'\xef\xbb\xbf{}',
    b"{} {}",
    b'{"data":' + b"[" * 30_000, b'{"meta":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
]  # fmt: skip


@EVENTS
@MODES
async def test_a_body_without_a_valid_request_is_a_bad_request(event: str, mode: ResponseMode) -> None:
    async with service_with_policy(
        POLICY, FAMILY_SERVICE_GRPC_ADDRESS=DOWN, RPC_BACKENDS={"diary": DOWN}, CENTRIFUGO_RESPONSE_MODE=mode
    ) as running:
        answers = {
            body: status_and_body(await running.http.post(f"/centrifugo/{event}", content=body)) for body in BAD_BODIES
        }

    assert answers == dict.fromkeys(BAD_BODIES, (400, BAD_REQUEST))


@EVENTS
async def test_a_body_over_the_limit_is_refused(event: str) -> None:
    async with running_stack(PROXY_MAX_BODY_BYTES=1024) as stack:
        response = await ask(stack.running, event, **ALLOWED_REQUEST, data="x" * 1024)

    assert status_and_body(response) == (413, BAD_REQUEST)


@EVENTS
async def test_fields_that_a_later_centrifugo_may_add_are_ignored(event: str) -> None:
    async with running_stack() as stack:
        response = await ask(stack.running, event, **ALLOWED_REQUEST, added={"in": ["a", "minor", "release"]})

    assert (response.status_code, list(response.json())) == (200, ["result"])


@EVENTS
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_events_accept_only_post(event: str, method: str) -> None:
    async with running_stack() as stack:
        response = await stack.running.http.request(method, f"/centrifugo/{event}")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@EVENTS
@MODES
async def test_each_event_is_refused_at_once_above_the_limit_of_requests(event: str, mode: ResponseMode) -> None:
    """A refresh or sub_refresh gets a 503 in both modes.

    A 200 without a result would end the connection or the subscription.
    """
    async with running_stack(PROXY_MAX_INFLIGHT=1, CENTRIFUGO_RESPONSE_MODE=mode, RPC_DEADLINE_MS=30000) as stack:
        stack.diary.script = hangs
        stuck = asyncio.ensure_future(ask(stack.running, "rpc", **ALLOWED_REQUEST))
        while not stack.diary.calls:
            await asyncio.sleep(0.005)
        response = await ask(stack.running, event, **ALLOWED_REQUEST)
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)

    enveloped = mode is ResponseMode.ENVELOPE and event not in REFRESH_EVENTS
    assert status_and_body(response) == (200 if enveloped else 503, OVERLOADED)


async def count_of(running: Service, event: str, outcome: str) -> float:
    return await running.metric(f'realtime_proxy_requests_total{{outcome="{outcome}",type="{event}"}}')


async def total_of(running: Service, event: str) -> float:
    samples = (await running.metrics("realtime_proxy_requests_total")).items()
    return sum(value for name, value in samples if f'type="{event}"' in name)


SERVICE_ERROR = pb.ValidateResponse(error=pb.Error(code=1))
GONE = pb.Disconnect(code=4001, reason="gone")
FAMILY_DISCONNECTS = says(channel_access_pb2.AuthorizeResponse(disconnect=GONE))
ENDS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # event, fields of the request, the called server's answer, the outcome
    ("subscribe", ALLOWED_REQUEST, {}, "allowed"),
    ("subscribe", {"channel": "nowhere"}, {}, "denied"),
    ("subscribe", {"channel": "room:1"}, {"family": aborts(grpc.StatusCode.UNAVAILABLE)}, "unavailable"),
    ("subscribe", {"channel": "room:1"}, {"family": aborts(grpc.StatusCode.INTERNAL)}, "internal_error"),
    ("subscribe", {"channel": "room:1"}, {"family": FAMILY_DISCONNECTS}, "disconnect"),
    ("publish", ALLOWED_REQUEST, {}, "allowed"),
    ("publish", {"channel": "nowhere"}, {}, "denied"),
    ("publish", {**ALLOWED_REQUEST, "data": "x" * 9}, {}, "too_large"),
    ("publish", {"channel": "room:1"}, {"family": aborts(grpc.StatusCode.UNAVAILABLE)}, "unavailable"),
    ("publish", {**ALLOWED_REQUEST, "b64data": "?"}, {}, "bad_request"),
    ("rpc", ALLOWED_REQUEST, {}, "allowed"),
    ("rpc", {"method": "unknown"}, {}, "denied"),
    ("rpc", {**ALLOWED_REQUEST, "data": "x" * 9}, {}, "too_large"),
    ("rpc", ALLOWED_REQUEST, {"diary": aborts(grpc.StatusCode.UNAVAILABLE)}, "unavailable"),
    ("rpc", ALLOWED_REQUEST, {"diary": returns(b"no json")}, "internal_error"),
    ("rpc", ALLOWED_REQUEST, {"diary": says(rpc_backend_pb2.CallResponse(disconnect=GONE))}, "disconnect"),
    ("sub_refresh", ALLOWED_REQUEST, {}, "allowed"),
    ("sub_refresh", {"channel": "nowhere"}, {}, "expired"),
    ("sub_refresh", {"channel": "room:1"}, {"family": aborts(grpc.StatusCode.UNAVAILABLE)}, "unavailable"),
    ("refresh", {}, {}, "allowed"),
    ("refresh", {"meta": POOL_MARKS}, {}, "expired"),
    ("refresh", {}, {"identity": answers(SERVICE_ERROR)}, "unavailable"),
    ("refresh", {}, {"identity": aborts(grpc.StatusCode.INTERNAL)}, "internal_error"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "fields", "scripts", "outcome"), ENDS)
async def test_a_request_is_counted_once_by_its_outcome(
    event: str, fields: dict[str, Any], scripts: dict[str, Any], outcome: str
) -> None:
    async with running_stack() as stack:
        stack.family.script = scripts.get("family", stack.family.script)
        stack.diary.script = scripts.get("diary", stack.diary.script)
        stack.identity.refresh_script = scripts.get("identity", stack.identity.refresh_script)
        before = await count_of(stack.running, event, outcome), await total_of(stack.running, event)

        await ask(stack.running, event, **fields)

        after = await count_of(stack.running, event, outcome), await total_of(stack.running, event)
        inflight = await stack.running.metric(f'realtime_proxy_inflight_requests{{type="{event}"}}')

    assert (after[0] - before[0], after[1] - before[1], inflight) == (1, 1, 0)


@EVENTS
@pytest.mark.parametrize(
    ("options", "body", "outcome"),
    [
        ({}, b"no json", "bad_request"),
        ({"CENTRIFUGO_PROXY_TOKEN": "made-up"}, b"{}", "refused"),
        ({"CHANNEL_POLICY_PATH": ""}, b"{}", "not_implemented"),
    ],
)
async def test_a_request_without_a_decision_is_counted_once(
    event: str, options: dict[str, Any], body: bytes, outcome: str
) -> None:
    async with running_stack(**options) as stack:
        before = await count_of(stack.running, event, outcome), await total_of(stack.running, event)
        await stack.running.http.post(f"/centrifugo/{event}", content=body)
        after = await count_of(stack.running, event, outcome), await total_of(stack.running, event)

    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


async def test_the_counters_of_calls_to_peers_exist_before_the_first_call() -> None:
    async with running_stack() as stack:
        text = (await stack.running.http.get("/metrics")).text

    for name in ("identity_refresh", "family_service", "rpc:diary"):
        for status in grpc.StatusCode:
            assert f'realtime_backend_calls_total{{code="{status.name}",service="{name}"}}' in text


CALLS = [
    ("refresh", {}, "realtime.v1.ConnectProxyService", "Refresh", None),
    ("subscribe", {"channel": "room:1"}, "realtime.v1.ChannelAccessService", "Authorize", None),
    ("sub_refresh", {"channel": "room:1"}, "realtime.v1.ChannelAccessService", "Authorize", None),
    ("publish", {"channel": "room:1"}, "realtime.v1.ChannelAccessService", "Authorize", None),
    ("rpc", ALLOWED_REQUEST, "realtime.v1.RpcBackendService", "Call", "diary"),
]


@pytest.mark.parametrize(("event", "fields", "name", "method", "peer"), CALLS)
async def test_a_request_has_a_server_span_with_a_client_span_for_its_call(
    event: str, fields: dict[str, Any], name: str, method: str, peer: str | None
) -> None:
    exporter = InMemorySpanExporter()

    async with running_stack(span_processor=SimpleSpanProcessor(exporter)) as stack:
        await ask(stack.running, event, **fields)
        metadata = [*stack.family.metadata, *stack.diary.metadata]

    client, server = exporter.get_finished_spans()
    attributes = dict(server.attributes or {})
    assert (server.name, server.kind, server.parent) == (f"POST /centrifugo/{event}", SpanKind.SERVER, None)
    assert (attributes["realtime.outcome"], attributes["http.response.status_code"]) == ("allowed", 200)
    assert (client.name, client.kind) == (f"{name}/{method}", SpanKind.CLIENT)
    assert client.parent is not None
    assert client.parent.span_id == server.context.span_id
    expected = {"rpc.system": "grpc", "rpc.service": name, "rpc.method": method, "rpc.grpc.status_code": 0}
    assert dict(client.attributes or {}) == expected | ({"peer.service": peer} if peer else {})
    context = f"00-{client.context.trace_id:032x}-{client.context.span_id:016x}-01"
    assert [each["traceparent"] for each in metadata] == ([] if event == "refresh" else [context])


async def test_a_failed_call_has_an_error_span_and_a_request_without_a_call_has_only_its_server_span() -> None:
    exporter = InMemorySpanExporter()

    async with running_stack(span_processor=SimpleSpanProcessor(exporter)) as stack:
        stack.diary.script = aborts(grpc.StatusCode.INTERNAL)
        await ask(stack.running, "rpc", **ALLOWED_REQUEST)
        await ask(stack.running, "subscribe", **ALLOWED_REQUEST)

    client, rpc, subscribe = exporter.get_finished_spans()
    assert dict(client.attributes or {})["rpc.grpc.status_code"] == 13
    assert [span.status.status_code for span in (client, rpc, subscribe)] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert dict(rpc.attributes or {})["realtime.outcome"] == "internal_error"


ODD = st.one_of(st.text(max_size=6), st.sampled_from(["u-1", "family:f-1", "room:1", "diary.list", "f-1", ""]))
METAS = st.one_of(
    st.just(meta()), st.just(POOL_MARKS), st.none(), st.just(meta("screen_time_lock")), st.just(meta(degraded=True)),
    st.dictionaries(st.sampled_from(["family_id", "degraded"]), st.one_of(ODD, st.booleans())),
)  # fmt: skip
ANSWERS = st.sampled_from(
    ["yes", "no", "disconnect", "nothing", "UNAVAILABLE", "INTERNAL", "PERMISSION_DENIED", "UNIMPLEMENTED"]
)
DATA = st.sampled_from([b"{}", b"", b"no json", b'{"a":1},"result":{}', b"[\r\n1]", b"null", b"\xff"])
STATUSES = {200, 400, 500, 503}


def script(stack: Stack, answer: str, data: bytes, code: int) -> None:
    """Let all servers give this kind of answer, with this data and this code."""
    error, disconnect = pb.Error(code=code, message="m"), pb.Disconnect(code=code, reason="r")
    if answer in grpc.StatusCode.__members__:
        script = aborts(grpc.StatusCode[answer])
        stack.identity.refresh_script = stack.family.script = stack.diary.script = script
        return
    identity, family, diary = (
        pb.ValidateResponse,
        channel_access_pb2.AuthorizeResponse,
        rpc_backend_pb2.CallResponse,
    )
    stack.identity.refresh_script = says({
        "yes": identity(success=pb.Success(user_id="u-1")), "no": identity(error=error),
        "disconnect": identity(disconnect=disconnect), "nothing": identity(),
    }[answer])  # fmt: skip
    stack.family.script = says({
        "yes": family(grant=channel_access_pb2.Grant(expire_at=code)), "no": family(denial=error),
        "disconnect": family(disconnect=disconnect), "nothing": family(),
    }[answer])  # fmt: skip
    stack.diary.script = says({
        "yes": diary(data=data), "no": diary(error=error), "disconnect": diary(disconnect=disconnect),
        "nothing": diary(),
    }[answer])  # fmt: skip


FIELDS = st.fixed_dictionaries(
    {
        "channel": st.one_of(st.sampled_from(["family:f-1", "room:1"]), ODD),
        "method": st.one_of(st.just("diary.list"), ODD),
        "user": st.one_of(st.just("u-1"), ODD),
        "meta": st.one_of(st.just(meta()), METAS),
    },
    optional={"data": ODD, "b64data": ODD, "encoding": st.sampled_from(["json", "binary"])},
)
CODES = st.sampled_from([0, 1, 399, 403, 1999, 2000, 2999, 3000, 4999, 5000, 2**31])


@MODES
def test_every_answer_has_exactly_one_branch_and_a_200_for_a_refresh_always_has_a_result(mode: ResponseMode) -> None:
    with opened_in_runner(running_stack(CENTRIFUGO_RESPONSE_MODE=mode)) as (runner, stack):

        @given(event=st.sampled_from(SESSION_EVENTS), fields=FIELDS, answer=ANSWERS, data=DATA, code=CODES)
        @example(event="rpc", fields=ALLOWED_REQUEST, answer="disconnect", data=b"{}", code=2999)
        @example(event="publish", fields={"channel": "room:1"}, answer="no", data=b"{}", code=399)
        @examples(250)
        def check(event: str, fields: dict[str, Any], answer: str, data: bytes, code: int) -> None:
            script(stack, answer, data, code)
            response = runner.run(ask(stack.running, event, **fields))
            assert_valid_answer(event, response.status_code, orjson.loads(response.content))

        check()


def assert_valid_answer(event: str, status: int, body: dict[str, Any]) -> None:
    """Assert what must hold for every answer."""
    assert status in STATUSES
    assert len(BRANCHES & set(body)) == len(body) == 1
    if status == 200 and event in REFRESH_EVENTS:
        assert list(body) == ["result"]
    if status == 200 and "error" in body:
        assert body["error"]["code"] == 100 or 400 <= body["error"]["code"] <= 1999
    if "disconnect" in body:
        assert 3000 <= body["disconnect"]["code"] <= 4999
