"""The outage detector over HTTP: when the pool opens, and what keeps it closed."""

import asyncio
import time
from typing import Any

import grpc
import pytest
from freezegun.api import FrozenDateTimeFactory

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.fakes import FakeClock
from tests.harness.identity import Context, IdentityStub, Script, aborts, answers, hangs, success
from tests.harness.service import Service, service

UNAVAILABLE = {"disconnect": {"code": 4503, "reason": "ticket validation temporarily unavailable"}}
MARKS = {"degraded": True, "fallback_path": "pool"}
DOWN = aborts(grpc.StatusCode.UNAVAILABLE)
DENIALS = ("NOT_FOUND", "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED")
FAILURES = ("UNAVAILABLE", "DEADLINE_EXCEEDED")
ANSWERS: dict[str, Script] = {
    "success": success(),
    "success_degraded": success(degraded=True),
    "disconnect": answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4000, reason="go"))),
    "error": answers(pb.ValidateResponse(error=pb.Error(code=1, message="cannot tell"))),
    "no_branch": answers(pb.ValidateResponse()),
    "empty_user": answers(pb.ValidateResponse(success=pb.Success())),
    **{status: aborts(grpc.StatusCode[status]) for status in DENIALS},
}
OTHER_STATUSES = [
    status.name for status in grpc.StatusCode if status.name not in (*DENIALS, *FAILURES, grpc.StatusCode.OK.name)
]


async def outage(running: Service) -> dict[str, Any]:
    """The detector's state, as an operator sees it; `since` is left out."""
    body = (await running.http.get("/health")).json()["identity_outage"]
    return {name: value for name, value in body.items() if name != "since"}


async def test_at_exactly_the_window_the_pool_stays_shut(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["in-the-pool"]) as running:
        first = await running.connect("in-the-pool")
        frozen_time.tick(5.0)
        response = await running.connect("in-the-pool")

    assert [(first.status_code, first.json()), (response.status_code, response.json())] == [(503, UNAVAILABLE)] * 2


async def test_a_millisecond_past_the_window_the_failing_call_itself_gets_in_from_the_pool(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["in-the-pool"]) as running:
        await running.connect("another")
        frozen_time.tick(5.001)
        response = await running.connect("in-the-pool")
        expire_at = int(time.time()) + 300

    user = "fallback:93b5b96fe6ae"  # printf in-the-pool | sha256sum | cut -c1-12
    assert response.status_code == 200
    assert response.json() == {"result": {"user": user, "info": MARKS, "meta": MARKS, "expire_at": expire_at}}
    assert len(identity.calls) == 2


async def test_the_window_is_the_configured_one(identity: IdentityStub, frozen_time: FrozenDateTimeFactory) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], FALLBACK_DEGRADED_WINDOW_MS=60000) as running:
        await running.connect("a")
        frozen_time.tick(60.0)
        at_the_window = await running.connect("a")
        frozen_time.tick(0.001)
        past_it = await running.connect("a")

    assert (at_the_window.status_code, past_it.status_code) == (503, 200)


@pytest.mark.parametrize("kind", ANSWERS)
async def test_any_answer_of_identity_interrupts_the_window(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory, kind: str
) -> None:
    async with service(identity.address, tickets=["in-the-pool"]) as running:
        for tick_s, script in ((0.0, DOWN), (4.0, ANSWERS[kind]), (2.0, DOWN)):
            frozen_time.tick(tick_s)
            identity.script = script
            response = await running.connect("in-the-pool")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert await outage(running) == {"degraded": False, "consecutive_failure_count": 1}


@pytest.mark.parametrize("status", OTHER_STATUSES)
async def test_another_status_neither_lengthens_nor_interrupts_the_window(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory, status: str
) -> None:
    async with service(identity.address, tickets=["in-the-pool"]) as running:
        identity.script = DOWN
        await running.connect()
        frozen_time.tick(4.0)
        identity.script = aborts(grpc.StatusCode[status])
        response = await running.connect("in-the-pool")

        assert response.status_code == 500
        assert await outage(running) == {"degraded": False, "consecutive_failure_count": 1}
        frozen_time.tick(1.001)
        assert await outage(running) == {"degraded": True, "consecutive_failure_count": 1}


async def test_a_cancelled_call_changes_nothing(identity: IdentityStub, frozen_time: FrozenDateTimeFactory) -> None:
    async with service(identity.address, tickets=["in-the-pool"]) as running:
        identity.script = DOWN
        await running.connect()
        identity.script = hangs
        waiting = asyncio.create_task(running.connect())
        while len(identity.calls) < 2:
            await asyncio.sleep(0.01)

        waiting.cancel()
        await asyncio.wait([waiting])

        assert await outage(running) == {"degraded": False, "consecutive_failure_count": 1}
        frozen_time.tick(5.001)
        assert await outage(running) == {"degraded": True, "consecutive_failure_count": 1}


async def test_an_identity_that_hangs_past_its_deadline_is_an_outage_too(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = hangs

    async with service(identity.address, tickets=["a"], IDENTITY_VALIDATE_DEADLINE_MS=30) as running:
        first = await running.connect("a")
        frozen_time.tick(5.001)
        second = await running.connect("a")

    assert (first.status_code, first.json()) == (503, UNAVAILABLE)
    assert second.status_code == 200


async def test_a_refused_connection_is_an_outage_too(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    await identity.stop()

    async with service(identity.address, tickets=["a"]) as running:
        first = await running.connect("a")
        frozen_time.tick(5.001)
        second = await running.connect("a")

    assert (first.status_code, second.status_code) == (503, 200)


@pytest.mark.parametrize("step_s", [-86400.0, -6.0, 6.0, 86400.0])
async def test_a_step_of_the_wall_clock_opens_no_outage(
    identity: IdentityStub, clock: FakeClock, step_s: float
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], clock=clock) as running:
        await running.connect("a")
        clock.now += 5
        clock.wall += step_s
        response = await running.connect("a")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert await outage(running) == {"degraded": False, "consecutive_failure_count": 2}


@pytest.mark.parametrize("step_s", [-86400.0, -6.0, 6.0, 86400.0])
async def test_a_step_of_the_wall_clock_ends_no_outage(identity: IdentityStub, clock: FakeClock, step_s: float) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], clock=clock) as running:
        await running.connect("b")
        clock.now += 5.001
        clock.wall += step_s
        response = await running.connect("a")

    assert response.status_code == 200
    assert response.json()["result"]["expire_at"] == int(clock.wall) + 300


async def test_the_late_failure_of_an_old_call_does_not_reopen_the_outage(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    release = asyncio.Event()

    async def fails_late(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        if request.ticket == "old":
            await release.wait()
        return await (success() if request.ticket == "good" else DOWN)(request, context)

    identity.script = fails_late
    async with service(identity.address, tickets=["old"]) as running:
        old = asyncio.create_task(running.connect("old"))
        while not identity.calls:
            await asyncio.sleep(0.01)
        await running.connect("fails")
        await running.connect("good")
        release.set()

        assert ((await old).status_code, (await old).json()) == (503, UNAVAILABLE)
        frozen_time.tick(10)
        assert await outage(running) == {"degraded": False, "consecutive_failure_count": 0}


async def test_an_answer_ends_the_outage_and_shuts_the_pool(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    async with service(identity.address, tickets=["a", "b"]) as running:
        statuses = []
        for tick_s, script, ticket in ((0, DOWN, "-"), (6, DOWN, "a"), (0, success(), "-"), (0, DOWN, "b")):
            frozen_time.tick(float(tick_s))
            identity.script = script
            statuses.append((await running.connect(ticket)).status_code)

    assert statuses == [503, 200, 200, 503]


async def test_without_a_pool_an_outage_is_seen_but_lets_nobody_in(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address) as running:
        before = await running.metric('realtime_centrifugo_connect_total{outcome="unavailable"}')
        await running.connect("a")
        frozen_time.tick(5.001)
        response = await running.connect("a")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert await outage(running) == {"degraded": True, "consecutive_failure_count": 2}
        assert await running.metric('realtime_centrifugo_connect_total{outcome="unavailable"}') == before + 2


async def test_with_probing_off_every_connect_asks_identity(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"]) as running:
        await running.connect("-")
        frozen_time.tick(6)
        for _ in range(3):
            await running.connect("-")

    assert len(identity.calls) == 4


async def test_with_probing_on_every_connect_asks_identity_until_the_window_has_passed(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], IDENTITY_PROBE_INTERVAL_MS=1000) as running:
        for tick_s in (0.0, 0.0, 5.0):
            frozen_time.tick(tick_s)
            await running.connect("-")

    assert len(identity.calls) == 3


async def test_while_degraded_one_connect_an_interval_probes_identity_and_the_others_go_to_the_pool(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets="abcd", IDENTITY_PROBE_INTERVAL_MS=1000) as running:
        await running.connect("-")
        statuses, asked = [], []
        for tick_s, ticket in ((6.0, "a"), (0.0, "b"), (0.999, "-"), (0.001, "c"), (0.0, "d")):
            frozen_time.tick(tick_s)
            statuses.append((await running.connect(ticket)).status_code)
            asked.append(len(identity.calls) - 1)

    assert statuses == [200, 200, 503, 200, 200]
    assert asked == [1, 1, 1, 2, 2]


async def test_nobody_waits_for_a_probe_that_hangs(identity: IdentityStub, frozen_time: FrozenDateTimeFactory) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], IDENTITY_PROBE_INTERVAL_MS=1000) as running:
        await running.connect("-")
        frozen_time.tick(6)
        identity.script = hangs
        probe = asyncio.create_task(running.connect("-"))
        while len(identity.calls) < 2:
            await asyncio.sleep(0.01)

        response = await asyncio.wait_for(running.connect("a"), 1)

        assert response.status_code == 200
        probe.cancel()
        await asyncio.wait([probe])


@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_answer_to_the_probe_ends_the_outage(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory, kind: str
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], IDENTITY_PROBE_INTERVAL_MS=60000) as running:
        await running.connect("-")
        frozen_time.tick(6)
        identity.script = ANSWERS[kind]
        await running.connect("-")

        assert await outage(running) == {"degraded": False, "consecutive_failure_count": 0}
        await running.connect("-")
        assert len(identity.calls) == 3


async def test_the_service_is_back_within_two_seconds_of_identity_coming_back(identity: IdentityStub) -> None:
    await identity.stop()
    async with service(identity.address) as running:
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert (await running.connect()).status_code == 503
            await asyncio.sleep(0.05)

        await identity.start()
        back = time.monotonic()
        while (await running.connect()).status_code != 200:
            await asyncio.sleep(0.02)

    assert time.monotonic() - back < 2


def outage_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The log lines about the begin and end of an outage, in order."""
    told = ("identity outage opened", "identity outage ended")
    return [record.message for record in caplog.records if record.message in told]


async def test_an_outage_whose_window_passed_unseen_is_told_as_opened_before_it_ends(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    identity.script = DOWN
    async with service(identity.address, clock=clock, FALLBACK_DEGRADED_WINDOW_MS=5000) as running:
        await running.connect("a-ticket")
        clock.advance(6)
        identity.script = success()
        await running.connect("another")

    assert outage_lines(caplog) == ["identity outage opened", "identity outage ended"]


async def test_an_outage_is_told_by_a_request_that_asks_nobody_while_a_probe_is_under_way(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def hangs(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        asked.set()
        await release.wait()
        return pb.ValidateResponse(success=pb.Success(user_id="u-1"))

    identity.script = DOWN
    settings: dict[str, Any] = {"FALLBACK_DEGRADED_WINDOW_MS": 5000, "IDENTITY_PROBE_INTERVAL_MS": 1000}
    async with service(identity.address, clock=clock, **settings) as running:
        await running.connect("a-ticket")
        clock.advance(6)
        identity.script = hangs
        probe = asyncio.create_task(running.connect("the-probe"))
        await asked.wait()
        await running.connect("asks-nobody")
        told = outage_lines(caplog)
        release.set()
        await probe

    assert told == ["identity outage opened"]
