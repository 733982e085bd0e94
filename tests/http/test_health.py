"""The answers of /health and of the probes."""

import grpc
import pytest

from fallback.tickets import LoadedPool, LoadStatus, TicketPool
from tests.harness.fakes import FakeClock
from tests.harness.identity import DOWN, IdentityStub, aborts
from tests.harness.service import NO_CLAIMS, service

NO_OUTAGE = {
    "degraded": False,
    "consecutive_failure_count": 0,
    "since": None,
    "recovering": False,
    "last_failure_age_s": None,
    "last_answer_age_s": None,
}
POOL = {"size": 2, "initial_size": 2, "status": "loaded", "low_watermark": 1} | NO_CLAIMS
OK = {"status": "ok"}
UNKNOWN_TICKET = aborts(grpc.StatusCode.NOT_FOUND)


async def test_health_is_ok_and_has_every_field_without_an_outage_and_without_a_pool() -> None:
    async with service(low_watermark=1000) as running:
        response = await running.http.get("/health")

    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "status": "ok",
        "version": running.runtime.version,
        "identity_outage": NO_OUTAGE,
        "fallback_pool": {
            "size": 0,
            "initial_size": 0,
            "status": "disabled",
            "low_watermark": 1000,
            **NO_CLAIMS,
        },
    }


async def test_health_shows_each_state_of_an_outage(identity: IdentityStub, clock: FakeClock) -> None:
    clock.wall = 1_800_000_000.25
    since = "2027-01-15T08:00:00.250Z"

    async with service(identity.address, tickets="ab", low_watermark=1, clock=clock) as running:
        bodies = []
        for wait_s, script in ((0, DOWN), (5, DOWN), (1, DOWN), (0.5, UNKNOWN_TICKET)):
            clock.advance(wait_s)
            identity.script = script
            await (running.connect("-") if script is DOWN else running.runtime.probe.probe_once())
            bodies.append((await running.http.get("/health")).json())

    failing = {**NO_OUTAGE, "since": since, "last_failure_age_s": 0}
    assert [body["identity_outage"] for body in bodies] == [
        {**failing, "consecutive_failure_count": 1},
        {**failing, "consecutive_failure_count": 2},
        {**failing, "consecutive_failure_count": 3, "degraded": True},
        {
            **failing,
            "consecutive_failure_count": 3,
            "recovering": True,
            "last_failure_age_s": 0.5,
            "last_answer_age_s": 0,
        },
    ]
    assert [body["status"] for body in bodies] == ["ok", "ok", "degraded", "ok"]
    assert bodies[2]["fallback_pool"] == POOL


async def test_health_shows_no_outage_after_one_failure_without_later_calls(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, clock=clock) as running:
        await running.connect()
        clock.advance(3600)
        body = (await running.http.get("/health")).json()

        assert (body["status"], body["identity_outage"]["last_failure_age_s"]) == ("ok", 3600)
        assert await running.metric("realtime_identity_outage_degraded") == 0


@pytest.mark.parametrize("status", list(LoadStatus))
async def test_health_is_degraded_if_the_pool_could_not_be_loaded(status: LoadStatus) -> None:
    async with service(loaded=LoadedPool(TicketPool.of([], 0), status)) as running:
        body = (await running.http.get("/health")).json()

    assert body["status"] == ("ok" if status in (LoadStatus.LOADED, LoadStatus.DISABLED) else "degraded")


async def test_the_probes_stay_ok_during_an_outage(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets="ab", clock=clock) as running:
        await running.connect()
        clock.advance(3600)
        await running.connect()
        responses = [await running.http.get(path) for path in ("/health", "/health/live", "/health/ready")]

    assert [response.status_code for response in responses] == [200, 200, 200]
    assert [response.json() for response in responses[1:]] == [OK, OK]
    assert responses[0].json()["status"] == "degraded"


async def test_the_probes_are_ok_without_identity() -> None:
    async with service("127.0.0.1:1") as running:
        live, ready = await running.http.get("/health/live"), await running.http.get("/health/ready")

    assert [(live.status_code, live.json()), (ready.status_code, ready.json())] == [(200, OK), (200, OK)]


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
async def test_answers_about_health_forbid_caching(path: str) -> None:
    async with service() as running:
        response = await running.http.get(path)

    assert response.headers["cache-control"] == "no-store"
