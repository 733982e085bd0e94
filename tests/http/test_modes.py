"""Response modes: which answers keep their HTTP status, which are sent as 200, and with which codes."""

from typing import Any

import grpc
import pytest

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.bodies import (
    BAD_REQUEST,
    INTERNAL_ERROR,
    INVALID_TICKET,
    NOT_IMPLEMENTED,
    PERMISSION_DENIED,
    UNAVAILABLE,
)
from tests.harness.environment import service_settings_from
from tests.harness.fakes import FakeClock
from tests.harness.identity import IdentityStub, aborts, answers, success
from tests.harness.service import service

REASON = "ticket validation temporarily unavailable"
BANNED = {"disconnect": {"code": 4002, "reason": "banned"}}
disconnect = answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4002, reason="banned")))
error = answers(pb.ValidateResponse(error=pb.Error(code=1, message="no")))


def mode(name: str, **variables: Any) -> dict[str, Any]:
    """The settings of a response mode, read from environment variables."""
    return service_settings_from(CENTRIFUGO_RESPONSE_MODE=name, **variables)


@pytest.mark.parametrize(
    ("script", "http", "body"),
    [
        (disconnect, 401, BANNED),
        (aborts(grpc.StatusCode.NOT_FOUND), 401, INVALID_TICKET),
        (aborts(grpc.StatusCode.UNAVAILABLE), 503, UNAVAILABLE),
        (error, 503, UNAVAILABLE),
        (aborts(grpc.StatusCode.INTERNAL), 500, INTERNAL_ERROR),
    ],
    ids=["disconnect", "denied", "outage", "error", "fault"],
)
async def test_in_http_mode_refusals_keep_their_status(
    identity: IdentityStub, script: Any, http: int, body: dict[str, Any]
) -> None:
    identity.script = script

    async with service(identity.address, **mode("http")) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (http, body)


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (disconnect, BANNED),
        (aborts(grpc.StatusCode.NOT_FOUND), INVALID_TICKET),
        (aborts(grpc.StatusCode.UNAVAILABLE), {"disconnect": {"code": 4103, "reason": REASON}}),
        (aborts(grpc.StatusCode.DEADLINE_EXCEEDED), {"disconnect": {"code": 4103, "reason": REASON}}),
        (error, {"disconnect": {"code": 4103, "reason": REASON}}),
        (
            aborts(grpc.StatusCode.INTERNAL),
            {"error": {"code": 100, "message": "internal error", "temporary": True}},
        ),
        (
            answers(pb.ValidateResponse()),
            {"error": {"code": 100, "message": "internal error", "temporary": True}},
        ),
    ],
    ids=["disconnect", "denied", "outage", "deadline", "error", "fault", "no branch"],
)
async def test_in_envelope_mode_refusals_are_sent_as_200(
    identity: IdentityStub, script: Any, body: dict[str, Any]
) -> None:
    identity.script = script

    async with service(identity.address, **mode("envelope")) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (200, body)


async def test_envelope_mode_does_not_change_a_success(identity: IdentityStub) -> None:
    identity.script = success(user_id="u-2", expire_at=1_900_000_000)

    async with service(identity.address, **mode("http")) as running:
        in_http = await running.connect()
    async with service(identity.address, **mode("envelope")) as running:
        in_envelope = await running.connect()

    assert in_http.status_code == in_envelope.status_code == 200
    assert in_http.content == in_envelope.content


async def test_in_envelope_mode_a_pool_ticket_is_accepted_once(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)

    async with service(identity.address, tickets=["spare"], clock=clock, **mode("envelope")) as running:
        await running.connect("another")
        clock.advance(5.001)
        accepted, missed = await running.connect("spare"), await running.connect("spare")

    assert (accepted.status_code, list(accepted.json())) == (200, ["result"])
    assert (missed.status_code, missed.json()) == (200, {"disconnect": {"code": 4103, "reason": REASON}})


@pytest.mark.parametrize("name", ["http", "envelope"])
async def test_the_statuses_400_and_413_and_501_and_403_are_the_same_in_both_modes(
    identity: IdentityStub, name: str
) -> None:
    guarded = mode(name, CENTRIFUGO_PROXY_TOKEN="shared")

    async with service(identity.address, **mode(name)) as running:
        bad = await running.http.post("/centrifugo/connect", content=b"[]")
        large = await running.http.post("/centrifugo/connect", content=b" " * 65537)
        publish = await running.http.post("/centrifugo/publish", content=b"{}")
    async with service(identity.address, **guarded) as running:
        refused = await running.connect()

    assert (bad.status_code, bad.json()) == (400, BAD_REQUEST)
    assert (large.status_code, large.json()) == (413, BAD_REQUEST)
    assert (publish.status_code, publish.json()) == (501, NOT_IMPLEMENTED)
    assert (refused.status_code, refused.json()) == (403, PERMISSION_DENIED)


@pytest.mark.parametrize(("name", "http"), [("http", 401), ("envelope", 200)])
@pytest.mark.parametrize("code", ["4000", "4999"])
async def test_the_invalid_ticket_code_can_be_configured(
    identity: IdentityStub, name: str, http: int, code: str
) -> None:
    identity.script = aborts(grpc.StatusCode.NOT_FOUND)

    async with service(identity.address, **mode(name, CENTRIFUGO_INVALID_TICKET_CODE=code)) as running:
        response = await running.connect()

    assert response.status_code == http
    assert response.json() == {"disconnect": {"code": int(code), "reason": "invalid ticket"}}


async def test_the_configured_invalid_ticket_code_replaces_a_code_out_of_range(identity: IdentityStub) -> None:
    identity.script = answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=1000, reason="bye")))

    async with service(identity.address, **mode("http", CENTRIFUGO_INVALID_TICKET_CODE="4444")) as running:
        response = await running.connect()

    assert (response.status_code, response.json()) == (401, {"disconnect": {"code": 4444, "reason": "bye"}})


@pytest.mark.parametrize(("name", "http"), [("http", 503), ("envelope", 200)])
@pytest.mark.parametrize("code", ["4000", "4999"])
async def test_the_unavailable_code_can_be_configured(identity: IdentityStub, name: str, http: int, code: str) -> None:
    identity.script = aborts(grpc.StatusCode.UNAVAILABLE)

    async with service(identity.address, **mode(name, CENTRIFUGO_UNAVAILABLE_CODE=code)) as running:
        response = await running.connect()

    assert response.status_code == http
    assert response.json() == {"disconnect": {"code": int(code), "reason": REASON}}
