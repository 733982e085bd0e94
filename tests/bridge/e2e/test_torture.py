"""Kills, outages and rebalances under load. A client gets every event once, and the events of a family in order.

TORTURE=long writes ten times as many events, and stops Centrifugo for 30 s.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bridge.e2e.load import CHANNELS, LONG, PARTITIONS, producing
from tests.bridge.e2e.stage import Listening, Stage, listening, staged
from tests.harness.kafka import Kafka

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300 if LONG else 120)]

TOTAL = 12_000 if LONG else 1_200
ALL = PARTITIONS + 1  # plus the one partition of the replay topic


@pytest.fixture
def stage(kafka: Kafka, centrifugo_v6: Path, tmp_path: Path) -> Iterator[Stage]:
    """A stage whose Kafka notices a dead member of the group after 1.5 s, which keeps the tests short."""
    more = tmp_path / "kafka.properties"
    more.write_text("session.timeout.ms=1500\nheartbeat.interval.ms=300\n")
    variables = {"BRIDGE_KAFKA_CONFIG_PATH": str(more), "BRIDGE_PUBLISH_TIMEOUT_MS": "1000"}
    with staged(kafka, centrifugo_v6, tmp_path, partitions=PARTITIONS, **variables) as running:
        yield running


async def test_three_kills_neither_lose_nor_repeat_an_event(stage: Stage) -> None:
    async with listening(stage.centrifugo.websocket, CHANNELS) as client:
        with producing(stage, TOTAL) as load, ExitStack() as bridges:
            for _ in range(3):
                bridge = bridges.enter_context(stage.bridge())
                await client.until(hundred_more(client))
                bridge.kill()
            bridges.enter_context(stage.bridge())
            await load.assert_delivered(client)
            await asyncio.to_thread(load.assert_committed)


def hundred_more(client: Listening) -> Callable[[], bool]:
    wanted = client.count + 100
    return lambda: client.count >= wanted


async def test_an_outage_of_centrifugo_neither_loses_nor_repeats_an_event(stage: Stage) -> None:
    async with listening(stage.centrifugo.websocket, CHANNELS) as client:
        with producing(stage, TOTAL) as load, stage.bridge(BRIDGE_PENDING_MAX="500") as bridge:
            await client.until(lambda: client.count > 50)
            with stage.centrifugo.stopped():
                await asyncio.to_thread(
                    bridge.wait_until, lambda health: health["centrifugo"]["tries"] > 1 and health["paused"]
                )
                await asyncio.sleep(30 if LONG else 1)
            await load.assert_delivered(client)
            await asyncio.to_thread(load.assert_committed)
            await asyncio.to_thread(bridge.wait_until, lambda health: health["status"] == "ok" and not health["paused"])


async def test_bridges_that_join_and_leave_neither_lose_nor_repeat_an_event(stage: Stage) -> None:
    async with listening(stage.centrifugo.websocket, CHANNELS) as client:
        with producing(stage, TOTAL) as load, stage.bridge() as first, stage.bridge() as second:
            await client.until(lambda: client.count > 50)
            await asyncio.to_thread(second.wait_until, lambda health: 0 < health.get("assigned", 0) < ALL)
            with stage.bridge() as third:
                await asyncio.to_thread(third.wait_until, lambda health: health.get("assigned", 0) > 0)
                assert await asyncio.to_thread(first.process.terminate) == 0
                assert await asyncio.to_thread(second.process.terminate) == 0
                await asyncio.to_thread(third.wait_until_assigned, ALL)
                await load.assert_delivered(client)
                await asyncio.to_thread(load.assert_committed)


async def test_a_rebalance_and_a_kill_in_an_outage_neither_lose_nor_repeat_an_event(stage: Stage) -> None:
    async with listening(stage.centrifugo.websocket, CHANNELS) as client:
        with producing(stage, TOTAL) as load, stage.bridge() as first, ExitStack() as later:
            await client.until(lambda: client.count > 50)
            with stage.centrifugo.stopped():
                await asyncio.to_thread(first.wait_until, lambda health: not health["centrifugo"]["reachable"])
                second = later.enter_context(stage.bridge())
                await asyncio.to_thread(second.wait_until, lambda health: health.get("assigned", 0) > 0)
                first.kill()
                await asyncio.to_thread(second.wait_until_assigned, ALL)
            await load.assert_delivered(client)
            await asyncio.to_thread(load.assert_committed)


async def test_a_restart_of_kafka_neither_loses_nor_repeats_an_event(stage: Stage) -> None:
    async with listening(stage.centrifugo.websocket, CHANNELS) as client:
        with producing(stage, TOTAL) as load, stage.bridge() as bridge:
            await client.until(lambda: client.count > 50)
            await asyncio.to_thread(stage.kafka.broker.kill)
            await asyncio.to_thread(bridge.wait_until, lambda health: not health["kafka"]["reachable"])
            assert bridge.process.http.get("/health/live").status_code == 200
            await asyncio.to_thread(stage.kafka.broker.start)
            await load.assert_delivered(client)
            await asyncio.to_thread(load.assert_committed)
            await asyncio.to_thread(bridge.wait_until, lambda health: health["kafka"]["reachable"])


async def test_sigterm_under_load_neither_loses_nor_repeats_an_event(stage: Stage) -> None:
    async with listening(stage.centrifugo.websocket, CHANNELS) as client:
        with producing(stage, TOTAL) as load:
            for _ in range(2):
                with stage.bridge() as bridge:
                    await client.until(hundred_more(client))
                    assert await asyncio.to_thread(bridge.process.terminate) == 0
            with stage.bridge():
                await load.assert_delivered(client)
                await asyncio.to_thread(load.assert_committed)
