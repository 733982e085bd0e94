"""refresh: the service answers with a result, or the call fails. Any other answer would end the connection."""

import asyncio
from typing import Any

import grpc
import orjson
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.bodies import INTERNAL_ERROR, NOT_IMPLEMENTED, POOL_MARKS
from tests.harness.fakes import FakeClock
from tests.harness.http2_refusal import answering_http
from tests.harness.identity import DOWN, IdentityStub, Script, aborts, answers, hangs, success
from tests.harness.service import CLIENT, Service, service
from tests.harness.waiting import until
from tests.http.session_events.asking import (
    EXPIRED,
    LOCKS,
    MODES,
    UNAVAILABLE,
    ask,
    body_of,
    event_body,
    meta,
)

UNTIL = 1_900_000_000
FURTHEST = 1_800_000_000 + 10 * 365 * 24 * 3600  # ten years after the clock's time
TIER = pb.SUBSCRIPTION_TIER_FAMILY


def same(**fields: Any) -> Script:
    """Identity's answer if nothing has changed since the connect."""
    return success(family_id="f-1", subscription_tier=TIER, expire_at=UNTIL, **fields)


def refreshing(identity: IdentityStub, **options: Any) -> Any:
    """A service that answers refresh."""
    return service(identity.address, CENTRIFUGO_REFRESH="on", **options)


async def test_a_connection_with_an_unchanged_owner_gets_a_new_expiry(identity: IdentityStub) -> None:
    identity.refresh_script = same()

    async with refreshing(identity) as running:
        body = await body_of(running, "refresh")

    assert body == {"result": {"expire_at": UNTIL}}
    assert identity.refreshes == [pb.RefreshRequest(user_id="u-1", client_id=CLIENT, family_id="f-1")]


@pytest.mark.parametrize("lock", LOCKS)
async def test_a_new_lock_reaches_an_open_connection(identity: IdentityStub, lock: str) -> None:
    identity.refresh_script = same(parental_state=pb.ParentalState(**{lock: True}))

    async with refreshing(identity) as running:
        body = await body_of(running, "refresh")

    assert body == {"result": {"expire_at": UNTIL, "info": meta(lock), "meta": meta(lock)}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (meta("feature_lock_chat"), {}, meta()),
        (meta(), {"is_admin": True}, meta(is_admin=True)),
        (meta(), {"subscription_tier": pb.SUBSCRIPTION_TIER_PRO}, meta(subscription_tier="pro")),
        (meta(), {"subscription_tier": 77}, meta(subscription_tier="unspecified")),
        (meta(), {"family_id": "f-2"}, meta(family_id="f-2")),
        (meta(), {"degraded": True}, meta(degraded=True)),
        (meta(degraded=True), {}, meta()),
        (meta(degraded=False), {}, meta()),
        (meta(left_over=1), {}, meta()),
    ],
)
async def test_changed_fields_are_in_the_new_info_and_meta(
    identity: IdentityStub, before: Any, after: dict[str, Any], expected: Any
) -> None:
    unchanged = {"family_id": "f-1", "subscription_tier": TIER, "expire_at": UNTIL}
    identity.refresh_script = success(**{**unchanged, **after})

    async with refreshing(identity) as running:
        body = await body_of(running, "refresh", meta=before)

    assert body == {"result": {"expire_at": UNTIL, "info": expected, "meta": expected}}


async def test_an_unusable_number_in_meta_does_not_end_the_connection(identity: IdentityStub) -> None:
    identity.refresh_script = same()
    body = orjson.dumps(event_body(meta=meta(left_over=0))).replace(b'"left_over":0', b'"left_over":1e999')

    async with refreshing(identity) as running:
        response = await running.http.post("/centrifugo/refresh", content=body)

    assert response.json() == {"result": {"expire_at": UNTIL, "info": meta(), "meta": meta()}}


async def test_another_order_of_fields_in_meta_is_not_a_change(identity: IdentityStub) -> None:
    identity.refresh_script = same()

    async with refreshing(identity) as running:
        body = await body_of(running, "refresh", meta=dict(reversed(meta().items())))

    assert body == {"result": {"expire_at": UNTIL}}


async def test_info_has_the_chosen_fields_and_meta_has_all_after_a_refresh(identity: IdentityStub) -> None:
    identity.refresh_script = same(is_admin=True, degraded=True)

    async with refreshing(identity, CENTRIFUGO_INFO_FIELDS=frozenset({"is_admin"})) as running:
        body = await body_of(running, "refresh")

    assert body["result"]["info"] == {"is_admin": True, "degraded": True}
    assert body["result"]["meta"] == meta(is_admin=True, degraded=True)


@pytest.mark.parametrize(("expire_at", "cut"), [(0, []), (UNTIL, []), (FURTHEST + 1, [FURTHEST + 1])])
async def test_only_an_expiry_that_is_cut_is_logged(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture, expire_at: int, cut: list[int]
) -> None:
    identity.refresh_script = success(expire_at=expire_at)

    async with refreshing(identity, clock=clock) as running:
        await body_of(running, "refresh")

    logged = [record.__dict__ for record in caplog.records if "expire_at" in record.__dict__]
    assert [(fields["service"], fields["expire_at"]) for fields in logged] == [("identity", each) for each in cut]


@pytest.mark.parametrize(
    ("expire_at", "expected"),
    [(0, FURTHEST), (1, 1), (-1, 1), (1_900_000_000_000, FURTHEST), (2**62, FURTHEST), (UNTIL, UNTIL)],
)
async def test_the_answer_always_has_an_expiry(
    identity: IdentityStub, clock: FakeClock, expire_at: int, expected: int
) -> None:
    """Centrifugo closes a connection after a refresh without an expire_at. From identity, 0 means no expiry.

    A very late expire_at makes a timer of Centrifugo v5 overflow. Then Centrifugo refreshes without a pause.
    """
    identity.refresh_script = success(family_id="f-1", subscription_tier=TIER, expire_at=expire_at)

    async with refreshing(identity, clock=clock) as running:
        body = await body_of(running, "refresh")

    assert body == {"result": {"expire_at": expected}}


ENDS = [
    answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4500, reason="banned"))),
    answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=1, reason="r" * 200))),
    success(user_id="u-2", family_id="f-1", subscription_tier=TIER),
    *(
        aborts(status, "private details")
        for status in (
            grpc.StatusCode.UNIMPLEMENTED,
            grpc.StatusCode.NOT_FOUND,
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.PERMISSION_DENIED,
        )
    ),
]


@MODES
@pytest.mark.parametrize("script", ENDS)
async def test_a_connection_ends_if_identity_refuses_to_extend_it(
    identity: IdentityStub, script: Script, mode: ResponseMode
) -> None:
    identity.refresh_script = script

    async with refreshing(identity, CENTRIFUGO_RESPONSE_MODE=mode) as running:
        body = await body_of(running, "refresh")

    assert body == EXPIRED


@MODES
@pytest.mark.parametrize(
    "fields",
    [
        {"meta": POOL_MARKS},
        {"meta": {**meta(), **POOL_MARKS}},
        {"meta": None},
        {"meta": {}},
        {"meta": [1]},
        {"meta": meta(family_id=7)},
        {"user": ""},
    ],
    ids=str,
)
async def test_a_connection_without_a_valid_owner_ends_without_a_call_to_identity(
    identity: IdentityStub, fields: dict[str, Any], mode: ResponseMode
) -> None:
    """When a fallback connection ends in this way, its client reconnects with a real ticket."""
    async with refreshing(identity, CENTRIFUGO_RESPONSE_MODE=mode) as running:
        body = await body_of(running, "refresh", **fields)

    assert body == EXPIRED
    assert identity.refreshes == []


OUTAGES = [
    aborts(grpc.StatusCode.UNAVAILABLE),
    aborts(grpc.StatusCode.DEADLINE_EXCEEDED),
    aborts(grpc.StatusCode.CANCELLED),
    answers(pb.ValidateResponse(error=pb.Error(code=9, message="a private message"))),
]
FAULTS = [
    answers(pb.ValidateResponse()),
    success(user_id=""),
    *(
        aborts(status)
        for status in (
            grpc.StatusCode.INTERNAL,
            grpc.StatusCode.UNKNOWN,
            grpc.StatusCode.DATA_LOSS,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            grpc.StatusCode.ABORTED,
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.OUT_OF_RANGE,
            grpc.StatusCode.ALREADY_EXISTS,
        )
    ),
]


@MODES
@pytest.mark.parametrize("script", OUTAGES)
async def test_in_an_outage_a_refresh_fails_so_that_centrifugo_adds_a_minute(
    identity: IdentityStub, script: Script, mode: ResponseMode
) -> None:
    identity.refresh_script = script

    async with refreshing(identity, CENTRIFUGO_RESPONSE_MODE=mode) as running:
        response = await ask(running, "refresh")

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


@MODES
@pytest.mark.parametrize("script", FAULTS)
async def test_a_fault_of_identity_ends_no_connection(
    identity: IdentityStub, script: Script, mode: ResponseMode
) -> None:
    identity.refresh_script = script

    async with refreshing(identity, CENTRIFUGO_RESPONSE_MODE=mode) as running:
        response = await ask(running, "refresh")

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_no_connection_ends_if_a_mesh_refuses_the_call_to_identity(status: int) -> None:
    async with answering_http(status) as address, service(address, CENTRIFUGO_REFRESH="on") as running:
        response = await ask(running, "refresh")

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)


async def test_a_refresh_fails_as_in_an_outage_if_identity_is_unreachable() -> None:
    async with service("127.0.0.1:1", CENTRIFUGO_REFRESH="on") as running:
        response = await ask(running, "refresh")

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "CANCELLED"])
async def test_a_failed_refresh_call_neither_opens_nor_ends_an_outage(
    identity: IdentityStub, clock: FakeClock, status: str
) -> None:
    identity.script = DOWN
    identity.refresh_script = aborts(grpc.StatusCode[status])

    async with refreshing(identity, tickets=["a"], clock=clock) as running:
        await ask(running, "refresh")
        before = running.runtime.admission.detector.status(clock.now)
        await degrade(running, clock)
        await ask(running, "refresh")
        after = running.runtime.admission.detector.status(clock.now)

    assert (before.consecutive_failure_count, after.consecutive_failure_count, after.degraded) == (0, 2, True)


@pytest.mark.parametrize("script", [same(), answers(pb.ValidateResponse()), aborts(grpc.StatusCode.NOT_FOUND)])
async def test_an_answer_to_a_refresh_ends_an_outage(identity: IdentityStub, clock: FakeClock, script: Script) -> None:
    identity.script = DOWN
    identity.refresh_script = script

    async with refreshing(identity, tickets=["a"], clock=clock) as running:
        await degrade(running, clock)
        await ask(running, "refresh")

        assert not running.runtime.admission.detector.failing


async def test_hanging_refreshes_leave_slots_for_connects_with_fallback_tickets(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN
    identity.refresh_script = hangs

    async with refreshing(identity, tickets=["a", "b"], clock=clock, PROXY_MAX_INFLIGHT=20) as running:
        await degrade(running, clock)
        refreshes = [asyncio.create_task(ask(running, "refresh")) for _ in range(30)]
        await until(lambda: len(identity.refreshes) + sum(map(asyncio.Task.done, refreshes)) == 30)
        connected = await running.connect("b")
        refused = [(task.result().status_code, task.result().json()) for task in refreshes if task.done()]
        for task in refreshes:
            task.cancel()
        await asyncio.wait(refreshes)

    assert connected.status_code == 200
    assert refused == [(503, UNAVAILABLE)] * 22


async def degrade(running: Service, clock: FakeClock) -> None:
    """Let connects fail for longer than the window, while identity is down."""
    await running.connect()
    clock.advance(6)
    await running.connect()


async def test_refresh_and_validate_calls_are_counted_separately(identity: IdentityStub) -> None:
    identity.refresh_script = same()
    refreshes = 'realtime_backend_calls_total{code="OK",service="identity_refresh"}'
    validates = 'realtime_identity_calls_total{code="OK"}'

    async with refreshing(identity) as running:
        before = await running.metric(refreshes), await running.metric(validates)
        await ask(running, "refresh")
        after = await running.metric(refreshes), await running.metric(validates)

    assert (after[0] - before[0], after[1] - before[1]) == (1, 0)


async def test_a_refresh_redeems_no_ticket(identity: IdentityStub) -> None:
    identity.refresh_script = same()

    async with refreshing(identity) as running:
        await running.http.post("/centrifugo/refresh", json=event_body(data={"token": "made-up"}))

    assert identity.calls == []


@pytest.mark.parametrize(
    ("refresh", "pool", "answered"),
    [
        ("auto", "", False),
        ("auto", "/somewhere/tickets", True),
        ("on", "", True),
        ("off", "", False),
        ("off", "/somewhere/tickets", False),
    ],
)
async def test_refresh_is_answered_if_the_setting_is_on_or_if_it_is_auto_and_there_is_a_pool(
    identity: IdentityStub, refresh: str, pool: str, answered: bool
) -> None:
    identity.refresh_script = same()

    async with service(identity.address, CENTRIFUGO_REFRESH=refresh, FALLBACK_TICKETS_PATH=pool) as running:
        response = await ask(running, "refresh")

    expected = (200, {"result": {"expire_at": UNTIL}}) if answered else (501, NOT_IMPLEMENTED)
    assert (response.status_code, response.json()) == expected
