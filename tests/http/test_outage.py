"""The outage detector over HTTP: when the pool opens, and when it stays closed."""

import asyncio
import logging
import re
import time
from typing import Any

import grpc
import pytest
from freezegun.api import FrozenDateTimeFactory

from centrifugo_proxy.peers.probe import Probed
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.bodies import INTERNAL_ERROR, POOL_MARKS, UNAVAILABLE
from tests.harness.fakes import FakeClock
from tests.harness.grpc_stub import Context
from tests.harness.identity import DOWN, IdentityStub, Script, aborts, answers, hangs, success
from tests.harness.service import Service, service
from tests.harness.waiting import until

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
TEMPORARY = {"CANCELLED": (503, UNAVAILABLE)}
OTHER_STATUSES = [
    status.name for status in grpc.StatusCode if status.name not in (*DENIALS, *FAILURES, grpc.StatusCode.OK.name)
]


async def outage(running: Service) -> dict[str, Any]:
    """The detector's state in /health, without times."""
    body = (await running.http.get("/health")).json()["identity_outage"]
    return {name: body[name] for name in ("degraded", "recovering", "consecutive_failure_count")}


def state(count: int, *, degraded: bool = False, recovering: bool = False) -> dict[str, Any]:
    """The result of `outage` for this state."""
    return {"degraded": degraded, "recovering": recovering, "consecutive_failure_count": count}


async def test_the_pool_is_still_closed_at_the_exact_end_of_the_window(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["in-the-pool"]) as running:
        first = await running.connect("in-the-pool")
        frozen_time.tick(5.0)
        response = await running.connect("in-the-pool")

    assert [(first.status_code, first.json()), (response.status_code, response.json())] == [(503, UNAVAILABLE)] * 2


async def test_a_client_whose_call_fails_a_millisecond_after_the_window_is_accepted_from_the_pool(
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
    result = {"user": user, "info": POOL_MARKS, "meta": POOL_MARKS, "data": POOL_MARKS, "expire_at": expire_at}
    assert response.json() == {"result": result}
    assert len(identity.calls) == 2


async def test_the_window_has_the_configured_length(identity: IdentityStub, frozen_time: FrozenDateTimeFactory) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], FALLBACK_DEGRADED_WINDOW_MS=60000) as running:
        await running.connect("a")
        frozen_time.tick(60.0)
        at_the_window = await running.connect("a")
        frozen_time.tick(0.001)
        after_the_window = await running.connect("a")

    assert (at_the_window.status_code, after_the_window.status_code) == (503, 200)


@pytest.mark.parametrize("kind", ANSWERS)
async def test_after_any_answer_of_identity_the_window_starts_again_at_the_next_failure(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory, kind: str
) -> None:
    async with service(identity.address, tickets=["in-the-pool"]) as running:
        for tick_s, script in ((0.0, DOWN), (4.0, ANSWERS[kind]), (2.0, DOWN)):
            frozen_time.tick(tick_s)
            identity.script = script
            response = await running.connect("in-the-pool")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert await outage(running) == state(1)


@pytest.mark.parametrize("status", OTHER_STATUSES)
async def test_a_status_that_is_no_denial_and_no_outage_counts_neither_as_a_failure_nor_as_an_answer(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory, status: str
) -> None:
    async with service(identity.address, tickets=["in-the-pool"]) as running:
        identity.script = DOWN
        await running.connect()
        frozen_time.tick(4.0)
        identity.script = aborts(grpc.StatusCode[status])
        response = await running.connect("in-the-pool")

        assert (response.status_code, response.json()) == TEMPORARY.get(status, (500, INTERNAL_ERROR))
        assert await outage(running) == state(1)
        frozen_time.tick(1.001)
        identity.script = DOWN
        assert (await running.connect("in-the-pool")).status_code == 200
        assert await outage(running) == state(2, degraded=True)


async def test_a_cancelled_call_counts_neither_as_a_failure_nor_as_an_answer(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    async with service(identity.address, tickets=["in-the-pool"]) as running:
        identity.script = DOWN
        await running.connect()
        identity.script = hangs
        waiting = asyncio.create_task(running.connect())
        while len(identity.calls) < 2:
            await asyncio.sleep(0.01)

        waiting.cancel()
        await asyncio.wait([waiting])

        assert await outage(running) == state(1)
        frozen_time.tick(5.001)
        identity.script = DOWN
        assert (await running.connect("in-the-pool")).status_code == 200
        assert await outage(running) == state(2, degraded=True)


async def test_calls_that_exceed_their_deadline_are_an_outage(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = hangs

    async with service(identity.address, tickets=["a"], IDENTITY_VALIDATE_DEADLINE_MS=30) as running:
        first = await running.connect("a")
        frozen_time.tick(5.001)
        second = await running.connect("a")

    assert (first.status_code, first.json()) == (503, UNAVAILABLE)
    assert second.status_code == 200


async def test_refused_connections_to_identity_are_an_outage(
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
        assert await outage(running) == state(2)


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


async def test_a_late_failure_of_an_earlier_call_does_not_reopen_the_outage(
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
        assert await outage(running) == state(0)


async def test_an_answer_ends_the_outage_and_closes_the_pool(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    async with service(identity.address, tickets=["a", "b"], IDENTITY_PROBE_INTERVAL_MS=0) as running:
        statuses = []
        for tick_s, script, ticket in ((0, DOWN, "-"), (6, DOWN, "a"), (0, success(), "-"), (0, DOWN, "b")):
            frozen_time.tick(float(tick_s))
            identity.script = script
            statuses.append((await running.connect(ticket)).status_code)

    assert statuses == [503, 200, 200, 503]


async def test_without_a_pool_an_outage_is_reported_but_admits_no_client(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address) as running:
        before = await running.metric('realtime_centrifugo_connect_total{outcome="unavailable"}')
        await running.connect("a")
        frozen_time.tick(5.001)
        response = await running.connect("a")

        assert (response.status_code, response.json()) == (503, UNAVAILABLE)
        assert await outage(running) == state(2, degraded=True)
        assert await running.metric('realtime_centrifugo_connect_total{outcome="unavailable"}') == before + 2


async def test_every_connect_calls_identity_if_probing_is_off(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], IDENTITY_PROBE_INTERVAL_MS=0) as running:
        await running.connect("-")
        frozen_time.tick(6)
        for _ in range(3):
            await running.connect("-")

    assert len(identity.calls) == 4


async def test_connects_use_the_pool_without_a_call_to_identity_while_the_service_is_degraded(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets="ab") as running:
        statuses, calls = [], []
        for tick_s, ticket in ((0, "-"), (6, "a"), (0, "b"), (60, "-")):
            frozen_time.tick(float(tick_s))
            statuses.append((await running.connect(ticket)).status_code)
            calls.append(len(identity.calls))

    assert statuses == [503, 200, 200, 503]
    assert calls == [1, 2, 2, 2]


async def test_a_degraded_service_without_a_pool_answers_without_waiting_for_identity(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    identity.script = DOWN

    async with service(identity.address) as running:
        for tick_s in (0, 6, 0):
            frozen_time.tick(float(tick_s))
            response = await running.connect("a")

    assert (response.status_code, response.json(), len(identity.calls)) == (503, UNAVAILABLE, 2)


async def degrade(running: Service, identity: IdentityStub, frozen_time: FrozenDateTimeFactory) -> None:
    """Let identity fail for longer than the window."""
    identity.script = DOWN
    for tick_s in (0, 6):
        frozen_time.tick(float(tick_s))
        await running.connect("-")


@pytest.mark.parametrize("kind", ANSWERS)
async def test_after_an_answered_probe_the_next_client_calls_identity_and_an_answer_ends_the_outage(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory, kind: str
) -> None:
    async with service(identity.address, tickets=["a"]) as running:
        await degrade(running, identity, frozen_time)
        identity.script = ANSWERS[kind]

        await running.runtime.probe.probe_once()
        recovering = await outage(running)
        shown = await running.metric("realtime_identity_outage_recovering")
        await running.connect("-")

        assert (recovering, shown) == (state(2, recovering=True), 1)
        assert await outage(running) == state(0)
        assert await running.metric("realtime_identity_outage_recovering") == 0
        assert len(identity.calls) == 4


async def test_a_clients_failure_opens_the_pool_again_at_once_while_identity_recovers(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    async with service(identity.address, tickets=["a"]) as running:
        await degrade(running, identity, frozen_time)
        identity.script = ANSWERS["NOT_FOUND"]
        await running.runtime.probe.probe_once()
        identity.script = DOWN

        response = await running.connect("a")

        assert response.status_code == 200
        assert await outage(running) == state(3, degraded=True)


async def test_each_probe_sends_identity_a_new_random_ticket(
    identity: IdentityStub, frozen_time: FrozenDateTimeFactory
) -> None:
    async with service(identity.address) as running:
        await running.runtime.probe.probe_once()
        await running.runtime.probe.probe_once()

    tickets = [call.ticket for call in identity.calls]
    assert all(re.fullmatch(r"probe-[A-Za-z0-9_-]{43}", ticket) for ticket in tickets)
    assert len(set(tickets)) == 2


async def test_the_first_failure_starts_the_probes_and_an_answer_to_a_client_stops_them(identity: IdentityStub) -> None:
    async with service(identity.address, IDENTITY_PROBE_INTERVAL_MS=100) as running:
        await running.connect("before")
        identity.script = DOWN
        await running.connect("fails")
        await until(lambda: len(probes(identity)) >= 3)
        identity.script = success()
        await running.connect("answered")
        ended = len(probes(identity))
        await asyncio.sleep(0.35)

    assert identity.calls[0].ticket == "before"
    assert len(probes(identity)) <= ended + 1  # one probe may have been running


async def test_a_service_without_clients_detects_the_end_of_an_outage_by_its_probe(identity: IdentityStub) -> None:
    settings: dict[str, Any] = {"IDENTITY_PROBE_INTERVAL_MS": 100, "FALLBACK_DEGRADED_WINDOW_MS": 400}
    async with service(identity.address, **settings) as running:
        identity.script = DOWN
        await running.connect("the only client")
        await until(lambda: running.runtime.admission.detector.degraded)
        identity.script = aborts(grpc.StatusCode.NOT_FOUND)
        await until(lambda: not running.runtime.admission.detector.failing)

        assert await outage(running) == state(0)


async def test_the_probe_is_cancelled_at_shutdown(identity: IdentityStub) -> None:
    async with service(identity.address, IDENTITY_PROBE_INTERVAL_MS=100) as running:
        identity.script = DOWN
        await running.connect("fails")
        identity.script = hangs
        calls = len(identity.calls)
        await until(lambda: len(identity.calls) > calls)
        started = time.monotonic()

    assert time.monotonic() - started < 1


def probes(identity: IdentityStub) -> list[str]:
    """The tickets of the probes that identity has received."""
    return [call.ticket for call in identity.calls if call.ticket.startswith("probe-")]


async def test_the_service_accepts_clients_within_two_seconds_of_identitys_return(identity: IdentityStub) -> None:
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
    """The log lines about the start and end of an outage, in order."""
    messages = ("identity outage opened", "identity outage ended")
    return [record.message for record in caplog.records if record.message in messages]


async def test_an_outage_is_logged_once_when_probes_open_and_end_it(
    identity: IdentityStub, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with service(identity.address, clock=clock) as running:
        identity.script = DOWN
        await running.connect("the only client")
        for wait_s, script in ((6, DOWN), (60, DOWN), (1, success()), (5, success()), (1, success())):
            clock.advance(wait_s)
            identity.script = script
            await running.runtime.probe.probe_once()

    assert outage_lines(caplog) == ["identity outage opened", "identity outage ended"]
    [ended] = [vars(record) for record in caplog.records if record.message == "identity outage ended"]
    assert (ended["failures"], ended["duration_s"], ended["quiet_s"]) == (3, 66, 6)


async def test_an_unexpected_exception_in_a_probe_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bug = ValueError("invented")

    async with service() as running:
        running.runtime.probe.report(Probed("other", fault=bug))

    [error] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert error.getMessage() == "the probe of identity failed with an internal error"
    assert error.exc_info == (ValueError, bug, bug.__traceback__)
