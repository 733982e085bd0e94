"""sub_refresh: the rules for subscribe decide. The service answers with a result, or the call fails."""

from typing import Any

import grpc
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from proto.realtime.v1 import channel_access_pb2 as pb
from proto.realtime.v1.connect_proxy_pb2 import Disconnect, Error
from tests.harness.backends import family_service, grants, says
from tests.harness.bodies import INTERNAL_ERROR, POOL_MARKS
from tests.harness.fakes import FakeClock
from tests.harness.grpc_stub import Script
from tests.harness.identity import aborts
from tests.http.session_events.asking import EXPIRED, LOCKS, MODES, UNAVAILABLE, ask, body_of, meta, service_with_policy

POLICY = """
[[channels]]
match = "family:{family_id}"
allow = ["subscribe"]
feature = "chat"
tiers = ["family"]

[[channels]]
match = "inbox:*"
allow = ["publish"]

[[channels]]
match = "news:*"
allow = ["subscribe"]
sensitive = false
"""
POLICY_THAT_ASKS = """
[[channels]]
match = "room:*"
allow = ["subscribe"]
ask_family_service = true
"""
NOW = 1_800_000_000


async def test_a_subscription_that_is_still_allowed_is_extended_by_the_time_to_live(clock: FakeClock) -> None:
    async with service_with_policy(POLICY, CHANNEL_SUBSCRIPTION_TTL_S=300, clock=clock) as running:
        body = await body_of(running, "sub_refresh", channel="family:f-1")

    assert body == {"result": {"expire_at": NOW + 300}}


async def test_without_a_time_to_live_a_subscription_is_extended_without_an_expiry() -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "sub_refresh", channel="family:f-1")

    assert body == {"result": {}}


@MODES
@pytest.mark.parametrize(
    ("channel", "owner"),
    [
        ("family:f-1", meta("feature_lock_chat")),
        ("family:f-1", meta(subscription_tier="free")),
        ("family:f-1", meta(family_id="f-2")),
        ("family:f-1", meta(degraded=True)),
        ("family:f-1", POOL_MARKS),
        ("family:f-1", {}),
        ("family:f-1", None),
        ("inbox:1", meta()),
        ("nowhere", meta()),
        ("", meta()),
    ],
)
async def test_a_subscription_that_is_no_longer_allowed_ends(channel: str, owner: Any, mode: ResponseMode) -> None:
    async with service_with_policy(POLICY, CENTRIFUGO_RESPONSE_MODE=mode) as running:
        body = await body_of(running, "sub_refresh", channel=channel, meta=owner)

    assert body == EXPIRED


@pytest.mark.parametrize("lock", LOCKS)
async def test_a_new_lock_ends_only_the_subscriptions_that_need_the_locked_feature(lock: str) -> None:
    async with service_with_policy(POLICY) as running:
        before = await body_of(running, "sub_refresh", channel="family:f-1", meta=meta())
        after = await body_of(running, "sub_refresh", channel="family:f-1", meta=meta(lock))

    assert before == {"result": {}}
    assert after == (EXPIRED if lock == "feature_lock_chat" else {"result": {}})


async def test_a_fallback_connection_keeps_channels_that_are_not_sensitive() -> None:
    async with service_with_policy(POLICY) as running:
        body = await body_of(running, "sub_refresh", channel="news:today", meta=POOL_MARKS)

    assert body == {"result": {}}


@pytest.mark.parametrize(
    ("granted_until", "expected"),
    [(0, NOW + 300), (NOW + 60, NOW + 60), (NOW + 900, NOW + 300), (NOW - 1, NOW - 1), (-5, 1)],
)
async def test_the_family_service_may_shorten_the_extension(
    clock: FakeClock, granted_until: int, expected: int
) -> None:
    options: dict[str, Any] = {"CHANNEL_SUBSCRIPTION_TTL_S": 300, "clock": clock}
    async with (
        family_service(grants(granted_until)) as family,
        service_with_policy(POLICY_THAT_ASKS, FAMILY_SERVICE_GRPC_ADDRESS=family.address, **options) as running,
    ):
        body = await body_of(running, "sub_refresh", channel="room:1")

    assert body == {"result": {"expire_at": expected}}
    assert [call.action for call in family.calls] == [pb.CHANNEL_ACTION_SUBSCRIBE]


@MODES
@pytest.mark.parametrize(
    "script",
    [
        says(pb.AuthorizeResponse(denial=Error(code=403, message="left"))),
        says(pb.AuthorizeResponse(disconnect=Disconnect(code=4500, reason="banned"))),
        aborts(grpc.StatusCode.PERMISSION_DENIED),
        aborts(grpc.StatusCode.UNAUTHENTICATED),
        aborts(grpc.StatusCode.NOT_FOUND),
        aborts(grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_the_family_services_refusal_ends_the_subscription(script: Script, mode: ResponseMode) -> None:
    async with (
        family_service(script) as family,
        service_with_policy(
            POLICY_THAT_ASKS, FAMILY_SERVICE_GRPC_ADDRESS=family.address, CENTRIFUGO_RESPONSE_MODE=mode
        ) as running,
    ):
        body = await body_of(running, "sub_refresh", channel="room:1")

    assert body == EXPIRED


@MODES
@pytest.mark.parametrize(
    ("script", "status", "expected"),
    [
        (aborts(grpc.StatusCode.UNAVAILABLE), 503, UNAVAILABLE),
        (aborts(grpc.StatusCode.DEADLINE_EXCEEDED), 503, UNAVAILABLE),
        (aborts(grpc.StatusCode.CANCELLED), 503, UNAVAILABLE),
        (aborts(grpc.StatusCode.INTERNAL), 500, INTERNAL_ERROR),
        (aborts(grpc.StatusCode.UNIMPLEMENTED), 500, INTERNAL_ERROR),
        (says(pb.AuthorizeResponse()), 500, INTERNAL_ERROR),
    ],
)
async def test_a_failing_family_service_ends_no_subscription(
    script: Script, status: int, expected: Any, mode: ResponseMode
) -> None:
    async with (
        family_service(script) as family,
        service_with_policy(
            POLICY_THAT_ASKS, FAMILY_SERVICE_GRPC_ADDRESS=family.address, CENTRIFUGO_RESPONSE_MODE=mode
        ) as running,
    ):
        response = await ask(running, "sub_refresh", channel="room:1")

    assert (response.status_code, response.json()) == (status, expected)
