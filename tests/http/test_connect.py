"""The answers to a connect, through the real application and against a real gRPC server."""

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.bodies import INTERNAL_ERROR, INVALID_TICKET, POOL_MARKS, UNAVAILABLE
from tests.harness.fakes import FakeClock
from tests.harness.generic_grpc import generic_server, silent_ok_server
from tests.harness.grpc_stub import Context
from tests.harness.http2_refusal import answering_http, resetting
from tests.harness.identity import IdentityStub, aborts, answers, hangs, success
from tests.harness.service import CLIENT, connect_body, degrade, service

DENIALS = ["NOT_FOUND", "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED"]
OUTAGES = ["UNAVAILABLE", "DEADLINE_EXCEEDED"]
TEMPORARY = ("CANCELLED",)
FAULTS = [status.name for status in grpc.StatusCode if status.name not in [*DENIALS, *OUTAGES, *TEMPORARY, "OK"]]
UNLOCKED = {
    "screen_time_lock": False,
    "feature_lock_chat": False,
    "feature_lock_diary": False,
    "feature_lock_flowcoach": False,
}
NOW = 1_800_000_000  # the clock's time
TEN_YEARS_S = 10 * 365 * 24 * 3600
DEFAULT_OWNER = {"family_id": "", "subscription_tier": "unspecified", "is_admin": False, "parental_state": UNLOCKED}


def disconnects(code: int, reason: str) -> Any:
    """Answers every ticket with this Disconnect."""
    return answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=code, reason=reason)))


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """The warnings and errors in the log. Those of gRPC are left out, because the test's own server writes some."""
    ours = (record for record in caplog.records if not record.name.startswith("grpc."))
    return [record for record in ours if record.levelno >= logging.WARNING]


@asynccontextmanager
async def nonsense_server() -> AsyncIterator[str]:
    """The address of a gRPC server that answers Validate with bytes that are not a message."""

    async def validate(request: bytes, context: Context) -> bytes:
        return b"\xff\xff\xff"

    async with generic_server(grpc.unary_unary_rpc_method_handler(validate)) as address:
        yield address


def test_every_grpc_error_status_is_in_exactly_one_of_the_lists_above() -> None:
    rows = [*DENIALS, *OUTAGES, *TEMPORARY, *FAULTS]

    assert sorted([*rows, "OK"]) == sorted(grpc.StatusCode.__members__)
    assert len(rows) == 16


async def test_the_answer_to_a_valid_ticket_has_every_field_from_identity(identity: IdentityStub) -> None:
    locks = pb.ParentalState(screen_time_lock=True, feature_lock_diary=True)
    identity.script = success(
        user_id="u-7",
        family_id="f-3",
        subscription_tier=pb.SUBSCRIPTION_TIER_FAMILY,
        is_admin=True,
        parental_state=locks,
        expire_at=1_900_000_000,
    )

    async with service(identity.address) as running:
        response = await running.connect("a-ticket")

    owner = {
        "family_id": "f-3",
        "subscription_tier": "family",
        "is_admin": True,
        "parental_state": {**UNLOCKED, "screen_time_lock": True, "feature_lock_diary": True},
    }
    assert response.status_code == 200
    assert response.json() == {"result": {"user": "u-7", "info": owner, "meta": owner, "expire_at": 1_900_000_000}}


async def test_identity_receives_the_ticket_and_the_connections_fields(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        await running.connect("a-ticket")

    expected = pb.ValidateRequest(ticket="a-ticket", client_id=CLIENT, transport="websocket", protocol="json")
    assert identity.calls == [expected]


@pytest.mark.parametrize("too_late", [NOW + TEN_YEARS_S + 1, NOW * 1000, 2**62])
async def test_an_expiry_that_is_too_far_ahead_is_cut_with_a_warning(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture, too_late: int
) -> None:
    identity.script = success(expire_at=too_late)

    async with service(identity.address, clock=clock) as running:
        response = await running.connect()

    assert (response.status_code, response.json()["result"]["expire_at"]) == (200, NOW + TEN_YEARS_S)
    [warning] = warnings_in(caplog)
    assert (warning.__dict__["service"], warning.__dict__["expire_at"]) == ("identity", too_late)


@pytest.mark.parametrize(("expire_at", "status"), [(-1, 500), (1, 500), (NOW - 1, 500), (NOW, 200)])
async def test_an_expiry_in_the_past_is_an_internal_error(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture, expire_at: int, status: int
) -> None:
    identity.script = success(expire_at=expire_at)

    async with service(identity.address, clock=clock) as running:
        response = await running.connect()

    assert response.status_code == status
    assert ("expire_at in the past" in caplog.text) is (status == 500)


async def test_an_expiry_in_ten_years_is_passed_on(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    identity.script = success(expire_at=NOW + TEN_YEARS_S)

    async with service(identity.address, clock=clock) as running:
        response = await running.connect()

    assert (response.status_code, response.json()["result"]["expire_at"]) == (200, NOW + TEN_YEARS_S)
    assert warnings_in(caplog) == []


async def test_a_connection_that_never_expires_is_answered_without_expire_at(identity: IdentityStub) -> None:
    identity.script = success(expire_at=0)

    async with service(identity.address) as running:
        response = await running.connect()

    assert response.status_code == 200
    assert response.json() == {"result": {"user": "u-1", "info": DEFAULT_OWNER, "meta": DEFAULT_OWNER}}


async def test_an_answer_from_identitys_own_fallback_is_marked_degraded(identity: IdentityStub) -> None:
    identity.script = success(degraded=True)

    async with service(identity.address) as running:
        response = await running.connect()

    marked = {**DEFAULT_OWNER, "degraded": True}
    assert response.status_code == 200
    assert response.json() == {"result": {"user": "u-1", "info": marked, "meta": marked, "data": {"degraded": True}}}


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "unspecified"), (1, "free"), (2, "pro"), (3, "family"), (4, "unspecified"), (99, "unspecified")],
)
async def test_each_tier_number_becomes_a_name_and_an_unknown_number_becomes_unspecified(
    identity: IdentityStub, number: int, name: str
) -> None:
    identity.script = success(subscription_tier=number)

    async with service(identity.address) as running:
        response = await running.connect()

    owner = {**DEFAULT_OWNER, "subscription_tier": name}
    assert response.json() == {"result": {"user": "u-1", "info": owner, "meta": owner}}


@pytest.mark.parametrize("code", [3000, 4401, 4999])
async def test_a_disconnect_from_identity_is_passed_on(identity: IdentityStub, code: int) -> None:
    identity.script = disconnects(code, "banned")

    async with service(identity.address) as running:
        response = await running.connect()

    assert response.status_code == 401
    assert response.json() == {"disconnect": {"code": code, "reason": "banned"}}


@pytest.mark.parametrize("code", [0, 2999, 5000, 2**32 - 1])
async def test_a_disconnect_code_that_centrifugo_refuses_becomes_the_invalid_ticket_code(
    identity: IdentityStub, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    identity.script = disconnects(code, "banned")

    async with service(identity.address) as running:
        response = await running.connect()

    assert response.status_code == 401
    assert response.json() == {"disconnect": {"code": 4401, "reason": "banned"}}
    assert [(record.levelname, record.__dict__["code"]) for record in warnings_in(caplog)] == [("WARNING", code)]


@pytest.mark.parametrize(
    ("reason", "passed_on"),
    [
        ("", ""),
        ("r" * 123, "r" * 123),
        ("r" * 124, "r" * 123),
        ("é" * 61 + "r", "é" * 61 + "r"),
        ("é" * 62, "é" * 61),
        ("r" * 120 + "🙂", "r" * 120),
    ],
    ids=[
        "empty",
        "123 bytes",
        "124 bytes",
        "123 bytes in 62 characters",
        "a character across byte 123",
        "a four-byte character across byte 123",
    ],
)
async def test_a_reason_is_cut_to_the_size_of_a_close_frame(
    identity: IdentityStub, reason: str, passed_on: str
) -> None:
    identity.script = disconnects(4001, reason)

    async with service(identity.address) as running:
        response = await running.connect()

    assert response.status_code == 401
    assert response.json() == {"disconnect": {"code": 4001, "reason": passed_on}}


async def test_a_cut_reason_is_logged_once_for_two_connects_and_never_quoted(
    identity: IdentityStub, caplog: pytest.LogCaptureFixture
) -> None:
    identity.script = disconnects(4001, "the reason " * 20)

    async with service(identity.address) as running:
        await running.connect()
        await running.connect()

    assert [record.__dict__["reason_bytes"] for record in warnings_in(caplog)] == [220]
    assert "the reason" not in caplog.text


@pytest.mark.parametrize("status", DENIALS)
async def test_a_denial_by_identity_is_answered_as_an_invalid_ticket(identity: IdentityStub, status: str) -> None:
    identity.script = aborts(grpc.StatusCode[status])

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)
    assert len(identity.calls) == 1


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        "a-ticket",
        7,
        {"token": None},
        {"token": 7},
        {"token": True},
        {"token": ""},
        {"token": ["a-ticket"]},
        {"token": {"token": "a-ticket"}},
        {"token": "t" * 4097},
        {"Token": "a-ticket"},
    ],
    ids=lambda data: repr(data)[:30],
)
async def test_a_value_that_cannot_be_a_ticket_is_refused_without_a_call_to_identity(
    identity: IdentityStub, data: Any
) -> None:
    async with service(identity.address) as running:
        response = await running.http.post("/centrifugo/connect", json={**connect_body(""), "data": data})

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)
    assert identity.calls == []


async def test_a_request_without_data_is_answered_as_an_invalid_ticket(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        response = await running.http.post("/centrifugo/connect", json={"client": CLIENT})

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)
    assert identity.calls == []


@pytest.mark.parametrize(
    "ticket", ["t", "t" * 4096, "🙂" * 4096, " ", "\x00"], ids=["1", "4096", "4096 wide", "space", "nul"]
)
async def test_a_ticket_of_up_to_4096_characters_is_sent_to_identity_once(identity: IdentityStub, ticket: str) -> None:
    async with service(identity.address) as running:
        response = await running.connect(ticket)

    assert response.status_code == 200
    assert [call.ticket for call in identity.calls] == [ticket]


async def test_identitys_error_is_answered_as_unavailable_without_its_text(identity: IdentityStub) -> None:
    identity.script = answers(pb.ValidateResponse(error=pb.Error(code=7, message="database on fire")))

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)
    assert len(identity.calls) == 1


@pytest.mark.parametrize("status", OUTAGES)
async def test_an_outage_is_answered_as_unavailable(identity: IdentityStub, status: str) -> None:
    identity.script = aborts(grpc.StatusCode[status])

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)
    assert len(identity.calls) == 1


async def test_an_identity_that_does_not_listen_is_answered_as_unavailable(identity: IdentityStub) -> None:
    await identity.stop()

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


async def test_an_identity_that_hangs_is_answered_as_unavailable_at_the_deadline(identity: IdentityStub) -> None:
    identity.script = hangs

    async with service(identity.address, IDENTITY_VALIDATE_DEADLINE_MS=1500) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)
    assert len(identity.calls) == 1


@pytest.mark.parametrize("status", OUTAGES)
async def test_a_pool_ticket_connects_while_degraded(identity: IdentityStub, clock: FakeClock, status: str) -> None:
    identity.script = aborts(grpc.StatusCode[status])

    async with service(identity.address, tickets=["spare"], clock=clock, FALLBACK_CONNECT_TTL_S=120) as running:
        await degrade(running, clock)
        response = await running.connect("spare")

    user = "fallback:" + hashlib.sha256(b"spare").hexdigest()[:12]
    assert response.status_code == 200
    assert response.json() == {
        "result": {
            "user": user,
            "info": POOL_MARKS,
            "meta": POOL_MARKS,
            "data": POOL_MARKS,
            "expire_at": int(clock.wall) + 120,
        }
    }
    assert len(identity.calls) == 2


async def test_a_pool_ticket_is_refused_before_the_pool_is_open(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)

    async with service(identity.address, tickets=["spare"], clock=clock) as running:
        response = await running.connect("spare")

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


async def test_a_ticket_outside_the_pool_is_refused_while_degraded(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)

    async with service(identity.address, tickets=["spare"], clock=clock) as running:
        await degrade(running, clock)
        response = await running.connect("another")

    assert (response.status_code, response.json()) == (503, UNAVAILABLE)


@pytest.mark.parametrize("status", DENIALS)
@pytest.mark.parametrize(("mode", "expected"), [(ResponseMode.HTTP, (503, 4503)), (ResponseMode.ENVELOPE, (200, 4103))])
async def test_a_pool_ticket_that_identity_denies_is_answered_as_unavailable_and_stays_unused(
    identity: IdentityStub, status: str, mode: ResponseMode, expected: tuple[int, int]
) -> None:
    identity.script = aborts(grpc.StatusCode[status])
    settings: dict[str, Any] = {"CENTRIFUGO_RESPONSE_MODE": mode, "CENTRIFUGO_UNAVAILABLE_CODE": expected[1]}
    outcome = 'realtime_centrifugo_connect_total{outcome="fallback_pool_not_open"}'

    async with service(identity.address, tickets=["spare"], **settings) as running:
        before = await running.metric(outcome)
        response = await running.connect("spare")

        assert (response.status_code, response.json()["disconnect"]["code"]) == expected
        assert await running.metric(outcome) == before + 1
        assert len(running.runtime.admission.pool) == 1


async def test_identitys_disconnect_for_a_pool_ticket_is_not_passed_on(
    identity: IdentityStub,
) -> None:
    identity.script = disconnects(4501, "unknown")

    async with service(identity.address, tickets=["spare"]) as running:
        pool, other = await running.connect("spare"), await running.connect("other")

    assert (pool.status_code, pool.json()) == (503, UNAVAILABLE)
    assert (other.status_code, other.json()["disconnect"]["code"]) == (401, 4501)


async def test_a_used_pool_ticket_is_invalid_while_identity_answers(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)

    async with service(identity.address, tickets=["spare"], clock=clock) as running:
        await degrade(running, clock)
        accepted = await running.connect("spare")
        identity.script = aborts(grpc.StatusCode.NOT_FOUND)
        await running.runtime.probe.probe_once()
        response = await running.connect("spare")

    assert accepted.status_code == 200
    assert (response.status_code, response.json()) == (401, INVALID_TICKET)


@pytest.mark.parametrize("status", FAULTS)
async def test_any_grpc_status_except_denials_and_outages_is_an_internal_error(
    identity: IdentityStub, status: str
) -> None:
    identity.script = aborts(grpc.StatusCode[status], "what identity wrote")

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)
    assert len(identity.calls) == 1


async def test_an_ok_without_a_message_is_a_temporary_failure_that_opens_no_pool(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with silent_ok_server() as address, service(address, tickets=["spare"], clock=clock) as running:
        await degrade(running, clock)
        response = await running.connect("spare")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert not running.runtime.admission.detector.failing
    [warning] = warnings_in(caplog)
    assert (warning.__dict__["grpc_status"], warning.exc_info) == ("OK", None)


async def test_a_call_that_identity_cancels_is_a_temporary_failure_that_opens_no_pool(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    identity.script = aborts(grpc.StatusCode.CANCELLED)

    async with service(identity.address, tickets=["spare"], clock=clock) as running:
        await degrade(running, clock)
        response = await running.connect("spare")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert not running.runtime.admission.detector.failing
    assert [(record.__dict__["grpc_status"], record.exc_info) for record in warnings_in(caplog)] == [
        ("CANCELLED", None)
    ]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_by_a_mesh_is_a_fault_and_not_an_invalid_ticket(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering_http(status, content_type="text/plain") as address, service(address) as running:
        response = await running.connect()

        assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)
        assert not running.runtime.admission.detector.failing
    assert "was answered without a gRPC status" in caplog.text


async def test_a_reset_for_inadequate_security_is_a_fault_and_not_an_invalid_ticket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with resetting(12) as address, service(address) as running:
        response = await running.connect()

        assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)
    assert "was answered without a gRPC status, reported as PERMISSION_DENIED" in caplog.text


async def test_a_refusal_with_a_grpc_status_is_an_invalid_ticket_even_if_the_http_status_is_401() -> None:
    async with answering_http(401, grpc_status="16") as address, service(address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (401, INVALID_TICKET)


@pytest.mark.parametrize("status", FAULTS)
async def test_no_grpc_status_except_outages_opens_the_pool(
    identity: IdentityStub, clock: FakeClock, status: str
) -> None:
    identity.script = aborts(grpc.StatusCode[status])

    async with service(identity.address, tickets=["spare"], clock=clock) as running:
        await degrade(running, clock)
        response = await running.connect("spare")

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)


@pytest.mark.parametrize(
    "response_of_identity",
    [
        pb.ValidateResponse(),
        pb.ValidateResponse(success=pb.Success(family_id="f-1", is_admin=True)),
        pb.ValidateResponse(success=pb.Success(user_id="u" * 1025)),
        pb.ValidateResponse(success=pb.Success(user_id="u-1", family_id="ж" * 513)),
        pb.ValidateResponse(success=pb.Success(user_id="u" * 2_000_000)),
    ],
    ids=["no branch", "empty user", "long user", "long family", "two megabytes"],
)
async def test_an_answer_without_valid_ids_is_an_internal_error(
    identity: IdentityStub, caplog: pytest.LogCaptureFixture, response_of_identity: pb.ValidateResponse
) -> None:
    identity.script = answers(response_of_identity)

    async with service(identity.address) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)
    assert [record.message for record in warnings_in(caplog)] == ["centrifugo.connect failed with an internal error"]
    assert len(identity.calls) == 1


async def test_an_answer_that_is_not_a_valid_message_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    async with nonsense_server() as address, service(address) as running:
        response = await running.connect("a-ticket")

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)
    assert "IdentityFault: the call to identity was answered" in caplog.text
    assert "a-ticket" not in caplog.text


async def test_an_unexpected_exception_is_an_internal_error_whose_cause_is_only_in_the_log(
    identity: IdentityStub, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenClock(FakeClock):
        def monotonic(self) -> float:
            raise ZeroDivisionError("a bug")

    async with service(identity.address, clock=BrokenClock()) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (500, INTERNAL_ERROR)
    assert "ZeroDivisionError: a bug" in caplog.text


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (success(), "success"),
        (success(degraded=True), "success_degraded"),
        (disconnects(4001, "banned"), "disconnect"),
        (aborts(grpc.StatusCode.NOT_FOUND), "invalid_ticket"),
        (answers(pb.ValidateResponse(error=pb.Error(code=1))), "identity_error"),
        (aborts(grpc.StatusCode.UNAVAILABLE), "unavailable"),
        (aborts(grpc.StatusCode.INTERNAL), "internal_error"),
        (answers(pb.ValidateResponse()), "internal_error"),
    ],
)
async def test_a_connect_is_counted_by_its_outcome(identity: IdentityStub, script: Any, outcome: str) -> None:
    identity.script = script
    sample = f'realtime_centrifugo_connect_total{{outcome="{outcome}"}}'

    async with service(identity.address) as running:
        before = await running.metric(sample)
        await running.connect()
        after = await running.metric(sample)

    assert after - before == 1


@pytest.mark.parametrize(
    ("ticket", "outcome"), [("spare", "fallback_pool_consumed"), ("another", "fallback_pool_miss")]
)
async def test_a_connect_while_degraded_is_counted_by_its_outcome(
    identity: IdentityStub, clock: FakeClock, ticket: str, outcome: str
) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)
    sample = f'realtime_centrifugo_connect_total{{outcome="{outcome}"}}'

    async with service(identity.address, tickets=["spare"], clock=clock) as running:
        await degrade(running, clock)
        before = await running.metric(sample)
        await running.connect(ticket)
        after = await running.metric(sample)

    assert after - before == 1
