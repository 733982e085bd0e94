"""subscribe: when an allowed subscription expires, and what the family service decides."""

import asyncio
import time
from typing import Any

import grpc
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from proto.realtime.v1 import channel_access_pb2 as pb
from proto.realtime.v1.connect_proxy_pb2 import Disconnect, Error
from tests.harness.backends import family_service, grants, says
from tests.harness.bodies import INTERNAL_ERROR, POOL_MARKS
from tests.harness.fakes import FakeClock
from tests.harness.identity import aborts, hangs
from tests.harness.service import CLIENT
from tests.http.session_events.asking import (
    ANSWERS_TO_STATUSES,
    FAILURES,
    TEMPORARY_INTERNAL,
    UNAVAILABLE,
    ask,
    body_of,
    forbidden,
    meta,
    service_with_policy,
)

PLAIN = """
[[channels]]
match = "plain:*"
allow = ["subscribe", "publish"]
"""
POLICY = f"""{PLAIN}
[[channels]]
match = "room:*"
allow = ["subscribe", "publish"]
max_publish_bytes = 10
ask_family_service = true
"""
NOW = 1_800_000_000
TEN_YEARS_S = 10 * 365 * 24 * 3600


def denies(code: int, message: str) -> Any:
    return says(pb.AuthorizeResponse(denial=Error(code=code, message=message)))


def disconnects(code: int, reason: str) -> Any:
    return says(pb.AuthorizeResponse(disconnect=Disconnect(code=code, reason=reason)))


async def test_an_allowed_subscription_expires_after_the_time_to_live(clock: FakeClock) -> None:
    async with service_with_policy(PLAIN, CHANNEL_SUBSCRIPTION_TTL_S=300, clock=clock) as running:
        body = await body_of(running, "subscribe", channel="plain:1")

    assert body == {"result": {"expire_at": NOW + 300}}


async def test_without_a_time_to_live_a_subscription_lasts_as_long_as_the_connection() -> None:
    async with service_with_policy(PLAIN, CHANNEL_SUBSCRIPTION_TTL_S=0) as running:
        body = await body_of(running, "subscribe", channel="plain:1")

    assert body == {"result": {}}


async def test_a_subscription_lasts_at_least_as_long_as_its_time_to_live(clock: FakeClock) -> None:
    """Centrifugo treats an expiry in the current second as past."""
    clock.wall = NOW + 0.999
    async with service_with_policy(PLAIN, CHANNEL_SUBSCRIPTION_TTL_S=1, clock=clock) as running:
        body = await body_of(running, "subscribe", channel="plain:1")

    assert body == {"result": {"expire_at": NOW + 2}}


@pytest.mark.parametrize(
    ("ttl_s", "granted_until", "expected"),
    [
        (300, 0, {"expire_at": NOW + 300}),
        (300, NOW + 60, {"expire_at": NOW + 60}),
        (300, NOW + 900, {"expire_at": NOW + 300}),
        (0, NOW + 900, {"expire_at": NOW + 900}),
        (0, 0, {}),
        (300, NOW - 5, {"expire_at": NOW - 5}),
        (300, -1, {"expire_at": 1}),
        (0, -(2**62), {"expire_at": 1}),
        (0, NOW * 1000, {"expire_at": NOW + TEN_YEARS_S}),
        (300, NOW * 1000, {"expire_at": NOW + 300}),
    ],
)
async def test_a_subscription_ends_at_the_expiry_of_its_grant_or_after_the_time_to_live_whichever_is_earlier(
    clock: FakeClock, ttl_s: int, granted_until: int, expected: dict[str, int]
) -> None:
    """An expiry in the past is passed on, and Centrifugo refuses the subscription.

    Centrifugo would ignore a negative expiry, so 1 replaces it. An expiry more than ten years ahead is cut.
    """
    async with (
        family_service(grants(granted_until)) as family,
        service_with_policy(
            POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address, CHANNEL_SUBSCRIPTION_TTL_S=ttl_s, clock=clock
        ) as running,
    ):
        body = await body_of(running, "subscribe", channel="room:1")

    assert body == {"result": expected}


@pytest.mark.parametrize(
    ("event", "action"), [("subscribe", pb.CHANNEL_ACTION_SUBSCRIBE), ("publish", pb.CHANNEL_ACTION_PUBLISH)]
)
async def test_the_family_service_receives_the_user_and_the_action(event: str, action: pb.ChannelAction) -> None:
    async with (
        family_service() as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address) as running,
    ):
        body = await body_of(running, event, channel="room:1")

    assert body == {"result": {}}
    assert family.calls == [
        pb.AuthorizeRequest(user_id="u-1", family_id="f-1", client_id=CLIENT, channel="room:1", action=action)
    ]


@pytest.mark.parametrize(
    ("channel", "owner"),
    [
        ("plain:1", meta()),
        ("nowhere:1", meta()),
        ("room:1", meta(degraded=True)),
        ("room:1", POOL_MARKS),
        ("room:1", {}),
    ],
)
async def test_a_request_that_the_policy_decides_does_not_reach_the_family_service(
    channel: str, owner: dict[str, Any]
) -> None:
    async with (
        family_service() as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address) as running,
    ):
        await body_of(running, "subscribe", channel=channel, meta=owner)

    assert family.calls == []


REFUSALS = [
    (denies(403, "not a member"), 200, forbidden("not a member")),
    (denies(400, "lowest"), 200, {"error": {"code": 400, "message": "lowest"}}),
    (denies(1999, "highest"), 200, {"error": {"code": 1999, "message": "highest"}}),
    (denies(0, "no code"), 200, forbidden("no code")),
    (denies(399, "too low"), 200, forbidden("too low")),
    (denies(2000, "too high"), 200, forbidden("too high")),
    (denies(2**32 - 1, ""), 200, forbidden("refused")),
    (disconnects(4001, "left the family"), 200, {"disconnect": {"code": 4001, "reason": "left the family"}}),
    (disconnects(3000, ""), 200, {"disconnect": {"code": 3000, "reason": ""}}),
    (disconnects(1, "no such code"), 200, {"disconnect": {"code": 4000, "reason": "no such code"}}),
    (disconnects(4001, "ü" * 100), 200, {"disconnect": {"code": 4001, "reason": "ü" * 61}}),
    (says(pb.AuthorizeResponse()), 500, INTERNAL_ERROR),
]


@pytest.mark.parametrize(("script", "status", "expected"), REFUSALS)
@pytest.mark.parametrize("event", ["subscribe", "publish"])
async def test_the_family_services_refusal_is_passed_on_with_codes_that_centrifugo_accepts(
    script: Any, status: int, expected: Any, event: str
) -> None:
    async with (
        family_service(script) as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address) as running,
    ):
        response = await ask(running, event, channel="room:1")

    assert (response.status_code, response.json()) == (status, expected)


@pytest.mark.parametrize("status", FAILURES)
@pytest.mark.parametrize("event", ["subscribe", "publish"])
async def test_no_error_status_of_the_family_service_allows_a_request(status: grpc.StatusCode, event: str) -> None:
    async with (
        family_service(aborts(status, "private details")) as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address) as running,
    ):
        response = await ask(running, event, channel="room:1")

    assert (response.status_code, response.json()) == ANSWERS_TO_STATUSES.get(status, (500, INTERNAL_ERROR))


@pytest.mark.parametrize("event", ["subscribe", "publish"])
async def test_a_request_is_refused_temporarily_while_the_family_service_is_down(event: str) -> None:
    async with service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS="127.0.0.1:1") as running:
        body = await body_of(running, event, channel="room:1")

    assert body == UNAVAILABLE


async def test_a_call_to_a_family_service_that_hangs_ends_at_its_deadline() -> None:
    deadlines: dict[str, Any] = {
        "FAMILY_SERVICE_DEADLINE_MS": 100,
        "RPC_DEADLINE_MS": 30000,
        "IDENTITY_VALIDATE_DEADLINE_MS": 30000,
    }
    async with (
        family_service(hangs) as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address, **deadlines) as running,
    ):
        started = time.perf_counter()
        body = await body_of(running, "subscribe", channel="room:1")

    assert body == UNAVAILABLE
    assert 0.09 < time.perf_counter() - started < 2


async def test_a_family_service_that_hangs_holds_at_most_rpc_max_inflight_requests() -> None:
    settings: dict[str, Any] = {"RPC_MAX_INFLIGHT": 2, "FAMILY_SERVICE_DEADLINE_MS": 30000}
    async with (
        family_service(hangs) as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address, **settings) as running,
    ):
        stuck = [asyncio.ensure_future(ask(running, "subscribe", channel="room:1")) for _ in range(2)]
        async with asyncio.timeout(5):
            while len(family.calls) < 2:
                await asyncio.sleep(0.005)
        one_more = await body_of(running, "subscribe", channel="room:1")
        plain = await body_of(running, "publish", channel="plain:1")
        for call in stuck:
            call.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    assert (one_more, plain) == (UNAVAILABLE, {"result": {}})
    assert len(family.calls) == 2


async def test_the_family_service_is_called_again_after_its_return() -> None:
    async with (
        family_service() as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address) as running,
    ):
        await family.stop()
        down = await body_of(running, "subscribe", channel="room:1")
        await family.start()
        async with asyncio.timeout(5):
            while (body := await body_of(running, "subscribe", channel="room:1")) == UNAVAILABLE:
                await asyncio.sleep(0.05)

    assert (down, body) == (UNAVAILABLE, {"result": {}})


async def test_in_envelope_mode_a_failure_of_the_family_service_is_a_temporary_error() -> None:
    async with (
        family_service(aborts(grpc.StatusCode.INTERNAL)) as family,
        service_with_policy(
            POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address, CENTRIFUGO_RESPONSE_MODE=ResponseMode.ENVELOPE
        ) as running,
    ):
        body = await body_of(running, "subscribe", channel="room:1")

    assert body == TEMPORARY_INTERNAL


async def test_the_family_service_decides_before_the_size_limit_is_checked() -> None:
    """A publisher who is refused must not learn the size limit."""
    async with (
        family_service(denies(403, "not a member")) as family,
        service_with_policy(POLICY, FAMILY_SERVICE_GRPC_ADDRESS=family.address) as running,
    ):
        refused = await body_of(running, "publish", channel="room:1", data="x" * 100)
        family.script = grants()
        too_large = await body_of(running, "publish", channel="room:1", data="x" * 100)

    assert refused == forbidden("not a member")
    assert too_large == {"error": {"code": 413, "message": "data is larger than the limit of 10 bytes"}}
