"""rpc: which backend is called, which requests are refused before the call, and how the answer is translated."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from proto.realtime.v1 import connect_proxy_pb2 as identity_pb
from proto.realtime.v1 import rpc_backend_pb2 as pb
from tests.harness.backends import RpcBackendStub, returns, rpc_backend, says
from tests.harness.bodies import INTERNAL_ERROR, POOL_MARKS
from tests.harness.certificates import Authority
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, aborts, hangs, identity_stub
from tests.harness.service import CLIENT, Service, uvicorn_service
from tests.harness.waiting import until
from tests.http.session_events.asking import (
    ANSWERS_TO_STATUSES,
    DEGRADED,
    FAILURES,
    TEMPORARY_INTERNAL,
    UNAVAILABLE,
    ask,
    body_of,
    event_body,
    forbidden,
    meta,
    service_with_policy,
)

POLICY = """
[[rpc]]
match = "diary.entries.secret"
backend = "family"

[[rpc]]
match = "diary.*"
backend = "diary"
feature = "diary"
max_request_bytes = 8

[[rpc]]
match = "family.members"
backend = "family"
tiers = ["family"]

[[rpc]]
match = "status.*"
backend = "family"
sensitive = false
"""
CANCELLED = 'realtime_proxy_requests_total{outcome="cancelled",type="rpc"}'
UNKNOWN = {"error": {"code": 404, "message": "unknown method"}}


@asynccontextmanager
async def two_backends(**options: Any) -> AsyncIterator[tuple[Service, RpcBackendStub, RpcBackendStub]]:
    """A service with two backends, diary and family."""
    async with rpc_backend(returns(b'"diary"')) as diary, rpc_backend(returns(b'"family"')) as family:
        backends = {"diary": diary.address, "family": family.address}
        async with service_with_policy(POLICY, RPC_BACKENDS=backends, **options) as running:
            yield running, diary, family


@asynccontextmanager
async def answering(script: Any, **options: Any) -> AsyncIterator[Service]:
    """A service whose diary backend answers with this script."""
    async with two_backends(**options) as (running, diary, _):
        diary.script = script
        yield running


def refuses(code: int, message: str) -> Any:
    return says(pb.CallResponse(error=identity_pb.Error(code=code, message=message)))


def disconnects(code: int, reason: str) -> Any:
    return says(pb.CallResponse(disconnect=identity_pb.Disconnect(code=code, reason=reason)))


@pytest.mark.parametrize(
    ("method", "backend"),
    [
        ("diary.list", "diary"),
        ("diary.entries.list", "diary"),
        ("diary.entries.secret.more", "diary"),
        ("diary.entries.secret", "family"),
        ("family.members", "family"),
        ("status.now", "family"),
    ],
)
async def test_the_first_matching_rule_names_the_backend(method: str, backend: str) -> None:
    async with two_backends() as (running, diary, family):
        body = await body_of(running, "rpc", method=method)

    assert body == {"result": {"data": backend}}
    assert [call.method for call in diary.calls + family.calls] == [method]


@pytest.mark.parametrize(
    "method",
    [
        "", "diary", "diary.", "diary..list", ".diary.list", "diaryx.list", "Diary.list", "diary.*", "diary.a b",
        "diary.a\x00", "dıary.list", "family", "family.members.all", "family.member", "*", "diary:list", "diary/list",
        "diary.a#b", "diary.list.", "diary.a..b", "diary.\u200b",
    ],
)  # fmt: skip
async def test_a_method_without_a_rule_is_unknown_and_reaches_no_backend(method: str) -> None:
    async with two_backends() as (running, diary, family):
        body = await body_of(running, "rpc", method=method)

    assert body == UNKNOWN
    assert diary.calls + family.calls == []


@pytest.mark.parametrize(
    ("method", "owner", "expected"),
    [
        ("diary.list", meta("feature_lock_diary"), forbidden("locked by a parent")),
        ("diary.list", meta("screen_time_lock"), forbidden("locked: screen time")),
        ("diary.list", meta(degraded=True), DEGRADED),
        ("diary.list", POOL_MARKS, DEGRADED),
        ("diary.list", {}, forbidden("the connection's owner is not known")),
        ("family.members", meta(subscription_tier="pro"), forbidden("not in this subscription tier")),
        ("nowhere", meta("screen_time_lock"), UNKNOWN),
        ("nowhere", {}, forbidden("the connection's owner is not known")),
    ],
)
async def test_a_call_that_the_policy_refuses_reaches_no_backend(method: str, owner: Any, expected: Any) -> None:
    async with two_backends() as (running, diary, family):
        body = await body_of(running, "rpc", method=method, meta=owner)

    assert body == expected
    assert diary.calls + family.calls == []


async def test_a_fallback_connection_may_call_methods_that_are_not_sensitive() -> None:
    async with two_backends() as (running, _, family):
        body = await body_of(running, "rpc", method="status.now", user="fallback:0123456789ab", meta=POOL_MARKS)

    assert body == {"result": {"data": "family"}}
    assert family.calls == [pb.CallRequest(method="status.now", user_id="fallback:0123456789ab", client_id=CLIENT)]


@pytest.mark.parametrize(
    ("tier", "number"),
    [
        ("unspecified", identity_pb.SUBSCRIPTION_TIER_UNSPECIFIED),
        ("free", identity_pb.SUBSCRIPTION_TIER_FREE),
        ("pro", identity_pb.SUBSCRIPTION_TIER_PRO),
        ("family", identity_pb.SUBSCRIPTION_TIER_FAMILY),
    ],
)
async def test_a_backend_receives_the_data_and_the_callers_ids_and_tier_and_admin_flag(
    tier: str, number: identity_pb.SubscriptionTier
) -> None:
    async with two_backends() as (running, diary, _):
        await body_of(running, "rpc", method="diary.list", data=[1], meta=meta(subscription_tier=tier, is_admin=True))

    assert diary.calls == [
        pb.CallRequest(
            method="diary.list",
            data=b"[1]",
            user_id="u-1",
            family_id="f-1",
            client_id=CLIENT,
            subscription_tier=number,
            is_admin=True,
        )
    ]


@pytest.mark.parametrize(("fits", "too_large"), [("xxxxxx", "xxxxxxx"), ("ééé", "éééé")])
async def test_a_request_above_the_limit_is_refused_and_reaches_no_backend(fits: str, too_large: str) -> None:
    async with two_backends() as (running, diary, _):
        bodies = [await body_of(running, "rpc", method="diary.list", data=data) for data in (fits, too_large)]

    assert bodies == [
        {"result": {"data": "diary"}},
        {"error": {"code": 413, "message": "data is larger than the limit of 8 bytes"}},
    ]
    assert [call.data.decode() for call in diary.calls] == [f'"{fits}"']


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (refuses(400, "lowest"), {"error": {"code": 400, "message": "lowest"}}),
        (refuses(1999, "höchster"), {"error": {"code": 1999, "message": "höchster"}}),
        (refuses(0, "none"), {"error": {"code": 500, "message": "none"}}),
        (refuses(399, "too low"), {"error": {"code": 500, "message": "too low"}}),
        (refuses(2000, "too high"), {"error": {"code": 500, "message": "too high"}}),
        (refuses(2**32 - 1, ""), {"error": {"code": 500, "message": "refused"}}),
        (disconnects(3000, "lowest"), {"disconnect": {"code": 3000, "reason": "lowest"}}),
        (disconnects(4999, ""), {"disconnect": {"code": 4999, "reason": ""}}),
        (disconnects(2999, "too low"), {"disconnect": {"code": 4000, "reason": "too low"}}),
        (disconnects(5000, "too high"), {"disconnect": {"code": 4000, "reason": "too high"}}),
        (disconnects(4001, "🦊" * 40), {"disconnect": {"code": 4001, "reason": "🦊" * 30}}),
    ],
)
async def test_a_backends_refusal_is_passed_on_with_codes_that_centrifugo_accepts(script: Any, expected: Any) -> None:
    async with answering(script) as running:
        body = await body_of(running, "rpc", method="diary.list")

    assert body == expected


async def test_a_changed_disconnect_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with answering(disconnects(7, "a reason")) as running:
        await body_of(running, "rpc", method="diary.list")

    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.getMessage() == "changed a disconnect that Centrifugo does not accept"
    fields = ("asked_by", "code", "reason_bytes", "count")
    assert [warning.__dict__[name] for name in fields] == ["rpc:diary", 7, 8, 1]


async def test_the_log_names_each_backend_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async with two_backends() as (running, diary, family):
        for status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL):
            diary.script = family.script = aborts(status)
            for method in ("diary.list", "family.members"):
                await ask(running, "rpc", method=method)

    warnings = [record.__dict__ for record in caplog.records if record.levelname == "WARNING"]
    assert [(warning["service"], warning["grpc_status"], warning["count"]) for warning in warnings] == [
        ("rpc:diary", "UNAVAILABLE", 1),
        ("rpc:family", "UNAVAILABLE", 1),
    ]
    faults = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert faults == [f"the call to rpc:{name} ended with the gRPC status INTERNAL" for name in ("diary", "family")]


@pytest.mark.parametrize("status", FAILURES)
async def test_each_status_of_a_backend_becomes_an_answer_without_its_details(status: grpc.StatusCode) -> None:
    async with answering(aborts(status, "private details")) as running:
        response = await ask(running, "rpc", method="diary.list")

    assert (response.status_code, response.json()) == ANSWERS_TO_STATUSES.get(status, (500, INTERNAL_ERROR))


async def test_an_answer_without_an_outcome_is_an_internal_error() -> None:
    async with answering(says(pb.CallResponse())) as running:
        response = await ask(running, "rpc", method="diary.list")

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)


async def test_in_envelope_mode_an_internal_error_reaches_the_client_as_temporary() -> None:
    async with answering(says(pb.CallResponse()), CENTRIFUGO_RESPONSE_MODE=ResponseMode.ENVELOPE) as running:
        body = await body_of(running, "rpc", method="diary.list")

    assert body == TEMPORARY_INTERNAL


async def test_calls_to_a_backend_that_is_down_are_unavailable_and_the_other_backends_answer() -> None:
    async with two_backends() as (running, diary, _):
        await diary.stop()
        bodies = [await body_of(running, "rpc", method=method) for method in ("diary.list", "family.members")]

    assert bodies == [UNAVAILABLE, {"result": {"data": "family"}}]


async def test_a_call_to_a_backend_that_hangs_ends_at_the_deadline() -> None:
    deadlines = {"RPC_DEADLINE_MS": 100, "FAMILY_SERVICE_DEADLINE_MS": 30000, "IDENTITY_VALIDATE_DEADLINE_MS": 30000}
    async with answering(hangs, **deadlines) as running:
        started = time.perf_counter()
        body = await body_of(running, "rpc", method="diary.list")

    assert body == UNAVAILABLE
    assert 0.09 < time.perf_counter() - started < 2


async def test_a_backend_that_hangs_holds_at_most_rpc_max_inflight_calls(identity: IdentityStub) -> None:
    settings = {"RPC_MAX_INFLIGHT": 3, "RPC_DEADLINE_MS": 30000, "PROXY_MAX_INFLIGHT": 12}
    async with two_backends(identity_address=identity.address, **settings) as (running, diary, _):
        diary.script = hangs
        stuck = [asyncio.ensure_future(ask(running, "rpc", method="diary.list")) for _ in range(3)]
        await until(lambda: len(diary.calls) == 3)

        started = time.perf_counter()
        one_more = await body_of(running, "rpc", method="diary.list")
        another = await body_of(running, "rpc", method="family.members")
        connect = await running.connect()
        took_s = time.perf_counter() - started
        inflight = await running.metric('realtime_backend_inflight_calls{service="rpc:diary"}')
        for call in stuck:
            call.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    assert (one_more, another, connect.status_code) == (UNAVAILABLE, {"result": {"data": "family"}}, 200)
    assert len(diary.calls) == 3
    assert inflight == 3
    assert took_s < 1


@pytest.mark.parametrize(("limit", "for_rpc"), [(8, 4), (100, 52), (1, 1)])
async def test_a_backend_that_hangs_leaves_slots_to_connects_if_there_is_more_than_one_slot(
    identity: IdentityStub, limit: int, for_rpc: int
) -> None:
    settings = {"RPC_MAX_INFLIGHT": 100, "RPC_DEADLINE_MS": 30000, "PROXY_MAX_INFLIGHT": limit}
    async with two_backends(identity_address=identity.address, **settings) as (running, diary, _):
        diary.script = hangs
        calls = [asyncio.ensure_future(ask(running, "rpc", method="diary.list")) for _ in range(100)]
        await until(lambda: len(diary.calls) >= for_rpc and sum(call.done() for call in calls) == 100 - for_rpc)

        connects = [(await running.connect()).status_code for _ in range(10)]
        refused = {call.result().status_code for call in calls if call.done()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: running.runtime.session_slots.taken == running.runtime.capacity.taken == 0)

    assert connects == [503 if limit == 1 else 200] * 10
    assert refused == {503}


async def test_a_call_that_is_refused_at_rpc_max_inflight_counts_as_unavailable() -> None:
    calls = 'realtime_backend_calls_total{code="UNAVAILABLE",service="rpc:diary"}'
    durations = 'realtime_backend_call_duration_seconds_count{service="rpc:diary"}'
    async with two_backends(RPC_MAX_INFLIGHT=1, RPC_DEADLINE_MS=30000) as (running, diary, _):
        diary.script = hangs
        before = [await running.metric(sample) for sample in (calls, durations)]
        stuck = asyncio.ensure_future(ask(running, "rpc", method="diary.list"))
        await until(lambda: len(diary.calls) == 1)
        for _ in range(3):
            await ask(running, "rpc", method="diary.list")
        after = [await running.metric(sample) for sample in (calls, durations)]
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)

    assert [now - then for now, then in zip(after, before, strict=True)] == [3, 0]


async def test_every_call_releases_its_slot_when_it_ends() -> None:
    async with two_backends(RPC_MAX_INFLIGHT=1, RPC_DEADLINE_MS=1000) as (running, diary, _):
        for script in (hangs, aborts(grpc.StatusCode.INTERNAL), returns(b"no json"), disconnects(4000, "")):
            diary.script = script
            await ask(running, "rpc", method="diary.list")
        diary.script = hangs
        caller = asyncio.ensure_future(ask(running, "rpc", method="diary.list"))
        await asyncio.sleep(0.02)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        async with asyncio.timeout(10):  # the call ends at its deadline
            while await running.metric('realtime_backend_inflight_calls{service="rpc:diary"}'):
                await asyncio.sleep(0.01)
        diary.script = returns(b"1")
        body = await body_of(running, "rpc", method="diary.list")

    assert body == {"result": {"data": 1}}


async def test_a_call_whose_caller_hangs_up_ends_by_its_deadline_and_counts_as_cancelled() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def waits(request: pb.CallRequest, context: Context) -> pb.CallResponse:
        begun.set()
        try:
            return await hangs(request, context)
        finally:
            ended.set()

    async with answering(waits, serve=uvicorn_service, RPC_DEADLINE_MS=2000) as running:
        before = await running.metric(CANCELLED)
        call = running.http.post("/centrifugo/rpc", json=event_body(method="diary.list"), timeout=20)
        caller = asyncio.create_task(call)
        async with asyncio.timeout(20):
            await begun.wait()
            caller.cancel()
            await ended.wait()
            while running.runtime.capacity.taken:
                await asyncio.sleep(0.01)
        after = await running.metric(CANCELLED)
        inflight = await running.metric('realtime_backend_inflight_calls{service="rpc:diary"}')

    assert (after - before, inflight) == (1, 0)


async def test_calls_are_counted_and_their_durations_are_measured_for_each_backend() -> None:
    calls = 'realtime_backend_calls_total{{code="{}",service="{}"}}'
    seconds = 'realtime_backend_call_duration_seconds_count{{service="{}"}}'
    names = (
        calls.format("OK", "rpc:family"), calls.format("INTERNAL", "rpc:diary"), calls.format("OK", "rpc:diary"),
        seconds.format("rpc:family"), seconds.format("rpc:diary"),
    )  # fmt: skip

    async with answering(aborts(grpc.StatusCode.INTERNAL)) as running:
        before = [await running.metric(name) for name in names]
        await ask(running, "rpc", method="diary.list")
        await ask(running, "rpc", method="family.members")
        after = [await running.metric(name) for name in names]

    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 0, 1, 1]


@pytest.mark.processes
async def test_the_tls_server_name_of_identity_does_not_apply_to_backends(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    tls = {
        "IDENTITY_VALIDATE_NEGOTIATION_TYPE": "tls",
        "IDENTITY_TLS_CA_FILE": str(authority.ca),
        "IDENTITY_TLS_SERVER_NAME": "identity.internal",
    }
    async with (
        identity_stub(authority.server_credentials("identity.internal")) as identity,
        rpc_backend(returns(b"1"), authority.server_credentials("localhost")) as diary,
    ):
        backends = {"diary": f"localhost:{diary.port}", "family": "127.0.0.1:1"}
        async with service_with_policy(POLICY, identity.address, RPC_BACKENDS=backends, **tls) as running:
            body = await body_of(running, "rpc", method="diary.list")
            connect = await running.connect()

    assert (body, connect.status_code) == ({"result": {"data": 1}}, 200)
