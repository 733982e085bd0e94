"""Fallback tickets that can be used only once in a fleet: several services share one store of claims."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.bodies import POOL_MARKS
from tests.harness.manage import run_manage
from tests.harness.processes import serving
from tests.harness.redis import RedisProcess, needs_redis, redis_server
from tests.harness.service import Service, connect_body, service

pytestmark = [needs_redis, pytest.mark.processes]

ROUNDS = int(os.environ.get("CLAIMS_ROUNDS", "10"))  # 100 for a long run
POOL = [f"ticket-{number}" for number in range(100)]
SETTINGS = {
    "FALLBACK_DEGRADED_WINDOW_MS": 1,
    "IDENTITY_PROBE_INTERVAL_MS": 100,
    "FALLBACK_CLAIMS_DEADLINE_MS": 2000,
}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with redis_server(tmp_path, password="made-up-password") as server:
        yield server


@asynccontextmanager
async def in_outage(url: str, tickets: list[str] = POOL, **settings: Any) -> AsyncIterator[Service]:
    """A service that is in an outage and has received an answer from its store."""
    async with service(tickets=tickets, FALLBACK_CLAIMS_URL=url, **{**SETTINGS, **settings}) as running:
        async with asyncio.timeout(20):
            while not (await health(running))["identity_outage"]["degraded"]:
                await running.connect("not-in-the-pool")
            while (await claims(running))["up"] is None:
                await asyncio.sleep(0.01)
        yield running


async def health(running: Service) -> dict[str, Any]:
    body: dict[str, Any] = (await running.http.get("/health")).json()
    return body


async def claims(running: Service) -> dict[str, Any]:
    found: dict[str, Any] = (await health(running))["fallback_pool"]["claims"]
    return found


async def status_of(running: Service, ticket: str) -> int:
    return (await running.connect(ticket)).status_code


async def until_up(running: Service) -> None:
    async with asyncio.timeout(20):
        while not (await claims(running))["up"]:
            await asyncio.sleep(0.02)


@pytest.fixture(params=["redis", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of each kind of store."""
    if request.param == "file":
        yield f"file://{tmp_path}/claims"
    else:
        with redis_server(tmp_path) as server:
            yield server.url


async def test_exactly_one_of_fifty_connects_with_one_ticket_at_two_services_succeeds(url: str) -> None:
    async with in_outage(url) as first, in_outage(url) as second:
        accepted = []
        for ticket in POOL[:ROUNDS]:
            statuses = await asyncio.gather(*(status_of(running, ticket) for running in (first, second) * 25))
            accepted.append(statuses.count(200))
            assert statuses.count(503) == 49

    assert accepted == [1] * ROUNDS


async def test_a_used_ticket_stays_used_after_a_restart(url: str) -> None:
    async with in_outage(url) as before:
        first = await status_of(before, POOL[0])
    async with in_outage(url) as after:
        again = await status_of(after, POOL[0])

        assert (first, again) == (200, 503)
        assert (await health(after))["fallback_pool"]["size"] == len(POOL) - 1


async def test_used_tickets_stay_used_when_the_file_gets_a_further_ticket(url: str) -> None:
    async with in_outage(url) as old, in_outage(url, [*POOL, "one-more"]) as new:
        await status_of(old, POOL[0])

        assert [await status_of(new, ticket) for ticket in (POOL[0], "one-more")] == [503, 200]
        assert (await claims(new))["used"] == 1


async def test_a_ticket_that_another_service_has_used_is_answered_and_counted_as_used(redis: RedisProcess) -> None:
    async with in_outage(redis.url) as first, in_outage(redis.url) as second:
        before = {result: await second.metric(counter(result)) for result in ("won", "used")}
        missed = await second.metric('realtime_centrifugo_connect_total{outcome="fallback_pool_miss"}')
        result = (await first.connect(POOL[0])).json()["result"]
        refused = await second.connect(POOL[0])

        assert result["meta"] == POOL_MARKS
        assert refused.json()["disconnect"]["reason"] == "ticket validation temporarily unavailable"
        assert await second.metric(counter("won")) == before["won"] + 1
        assert await second.metric(counter("used")) == before["used"] + 1
        assert await second.metric('realtime_centrifugo_connect_total{outcome="fallback_pool_miss"}') == missed + 1


def counter(result: str) -> str:
    return f'realtime_fallback_claims_total{{result="{result}"}}'


async def test_health_and_metrics_show_the_tickets_left_in_the_fleet(redis: RedisProcess) -> None:
    async with in_outage(redis.url) as first, in_outage(redis.url) as second:
        for ticket in POOL[:3]:
            await status_of(first, ticket)
        await status_of(second, POOL[0])  # receives the number of used tickets
        pool = (await health(second))["fallback_pool"]

        assert pool["claims"] == {"store": "redis", "up": True, "used": 3, "on_error": "refuse"}
        assert (pool["size"], pool["initial_size"]) == (len(POOL) - 3, len(POOL))
        assert await second.metric("realtime_fallback_pool_size") == len(POOL) - 3
        assert await second.metric("realtime_fallback_claims_up") == 1
        assert await second.metric("realtime_fallback_claim_duration_seconds_count") > 0


async def test_health_shows_that_no_store_is_configured() -> None:
    async with service(tickets=POOL) as running:
        assert await claims(running) == {"store": "none", "up": None, "used": None, "on_error": None}


async def test_tickets_are_refused_and_stay_unused_if_redis_dies_in_an_outage(redis: RedisProcess) -> None:
    async with in_outage(redis.url) as running:
        redis.kill()
        loop = asyncio.get_running_loop()
        await status_of(running, POOL[0])
        begun = loop.time()
        down = [await status_of(running, POOL[0]) for _ in range(10)]
        took = loop.time() - begun
        size = (await health(running))["fallback_pool"]["size"]
        gauge = await running.metric("realtime_fallback_claims_up")
        redis.restart()
        await until_up(running)

        assert (down, size, gauge) == ([503] * 10, len(POOL), 0)
        assert took < 2  # no connect waits for the deadline
        assert [await status_of(running, POOL[0]) for _ in range(2)] == [200, 503]


async def test_a_redis_that_hangs_delays_only_one_connect_and_loses_no_ticket(redis: RedisProcess) -> None:
    async with in_outage(redis.url, FALLBACK_CLAIMS_DEADLINE_MS=500) as running, in_outage(redis.url) as other:
        redis.pause()
        hanging = await status_of(running, POOL[0])
        loop = asyncio.get_running_loop()
        begun = loop.time()
        at_once = [await status_of(running, ticket) for ticket in POOL[:5]]
        took = loop.time() - begun
        redis.resume()
        await until_up(running)
        await until_up(other)

        assert (hanging, at_once) == (503, [503] * 5)
        assert took < 2  # five deadlines take longer
        assert [await status_of(running, ticket) for ticket in POOL[:5]] == [200] * 5
        assert [await status_of(other, ticket) for ticket in POOL[:5]] == [503] * 5


async def test_if_on_error_is_local_tickets_are_accepted_without_redis_and_conflicts_are_counted_later(
    redis: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    local: dict[str, Any] = {"FALLBACK_CLAIMS_ON_ERROR": "local"}
    async with in_outage(redis.url, **local) as first, in_outage(redis.url, **local) as second:
        conflicts = await first.metric(counter("conflict"))
        redis.kill()
        meanwhile = [await status_of(running, ticket) for running in (first, second) for ticket in POOL[:2] * 2]
        redis.restart()
        await until_up(first)
        await until_up(second)
        async with asyncio.timeout(20):
            while await first.metric(counter("conflict")) < conflicts + 2:
                await asyncio.sleep(0.05)

        assert meanwhile == [200, 200, 503, 503] * 2
        assert [await status_of(running, POOL[2]) for running in (first, second)] == [200, 503]
    [line] = [record for record in caplog.records if record.getMessage().startswith("a fallback ticket was accepted")]
    assert line.levelno == logging.WARNING


async def test_a_ticket_stays_unused_if_its_caller_hangs_up_during_the_claim(redis: RedisProcess) -> None:
    async with in_outage(redis.url) as running:
        redis.pause()
        request = asyncio.create_task(running.connect(POOL[0]))
        async with asyncio.timeout(20):
            while (await health(running))["fallback_pool"]["size"] == len(POOL):  # until the ticket is taken
                await asyncio.sleep(0.01)
        request.cancel()
        await asyncio.wait([request])
        redis.resume()
        await until_up(running)

        assert [await status_of(running, POOL[0]) for _ in range(2)] == [200, 503]


async def test_tickets_that_other_processes_have_used_count_for_the_low_watermark(
    redis: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_outage(redis.url, POOL[:4]) as first, in_outage(redis.url, POOL[:4]) as second:
        second.runtime.admission.pool.low_watermark = 3
        for ticket in POOL[:2]:
            await status_of(first, ticket)
        await status_of(second, POOL[2])

    low = [record for record in caplog.records if "low-watermark" in record.getMessage()]
    assert [(record.pool_remaining, record.low_watermark) for record in low] == [(1, 3)]  # type: ignore[attr-defined]


async def test_a_store_that_is_down_is_reported_before_an_outage(
    redis: RedisProcess, caplog: pytest.LogCaptureFixture
) -> None:
    redis.kill()
    async with service(tickets=POOL, FALLBACK_CLAIMS_URL=redis.url) as running:
        async with asyncio.timeout(20):
            while (await claims(running))["up"] is None:
                await asyncio.sleep(0.01)

        assert await running.metric("realtime_fallback_claims_up") == 0
        assert (await running.http.get("/health/ready")).status_code == 200
    [line] = [record for record in caplog.records if "the store of fallback claims" in record.getMessage()]
    fields = {name: getattr(line, name) for name in ("store", "reason", "on_error")}
    assert fields == {"store": "redis", "reason": "cannot connect (Connection refused)", "on_error": "refuse"}


async def test_the_warning_about_a_redis_that_evicts_keys_names_the_remedy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path, maxmemory_policy="allkeys-lru") as redis:
        async with in_outage(redis.url) as running:
            assert await status_of(running, POOL[0]) == 200
            async with asyncio.timeout(20):
                while not (found := [text for text in caplog.messages if "fallback.W004" in text]):
                    await asyncio.sleep(0.02)

    assert "Set maxmemory-policy to noeviction" in found[0]


def test_the_password_in_the_claims_url_is_in_no_output(redis: RedisProcess, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    pool.write_text("\n".join(POOL))
    url_file = tmp_path / "url"
    url_file.write_text(redis.url.replace("made-up-password", "a-wrong-password") + "\n")
    variables = {"FALLBACK_TICKETS_PATH": str(pool), "FALLBACK_CLAIMS_URL_FILE": str(url_file), "LOG_LEVEL": "trace"}

    with serving(**variables) as process:
        while process.http.get("/health").json()["fallback_pool"]["claims"]["up"] is None:
            process.http.post("/centrifugo/connect", json=connect_body(POOL[0]))
        shown = process.http.get("/health").text + process.http.get("/metrics").text
        process.terminate()
        shown += process.stdout() + process.stderr()

    assert "it refuses the user or the password" in shown
    assert "a-wrong-password" not in shown


def test_an_invalid_claims_url_is_an_error_at_startup_that_does_not_quote_the_url() -> None:
    ended = run_manage("serve", FALLBACK_CLAIMS_URL="redis://:made-up-secret@")

    assert ended.returncode == 1
    assert "FALLBACK_CLAIMS_URL is refused" in ended.stderr
    assert "redis+sentinel://" in ended.stderr
    assert "made-up-secret" not in ended.stdout + ended.stderr
