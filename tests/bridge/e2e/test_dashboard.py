"""Each query of the bridge's dashboard, on a real Prometheus that has scraped deliveries, failures and a stop."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.bridge.e2e.stage import Stage, staged
from tests.harness.bridge import BridgeProcess
from tests.harness.dashboards import PanelQuery, queries
from tests.harness.kafka import Kafka
from tests.harness.prometheus import RATE_INTERVAL, Prometheus, needs_prometheus, prometheus
from tests.tools.dashboards import drawing
from tests.tools.dashboards.answers import answered, faults

pytestmark = [pytest.mark.processes, needs_prometheus]

JOB: Final = "bridge"
QUERIES: Final = [query for query in queries() if query.dashboard == "realtime-bridge"]
SETTINGS: Final = {
    "BRIDGE_LAG_INTERVAL_MS": "1000",
    "BRIDGE_PENDING_MAX": "100",
    "BRIDGE_PUBLISH_TIMEOUT_MS": "1000",
    "BRIDGE_RETRY_MAX_MS": "500",
    "BRIDGE_DEAD_LETTER_MAX_CONSECUTIVE": "3",
}
# Panels that stay at 0, because the only broker serves every partition, and accepts every dead letter.
AT_ZERO: Final = {"Unserved partitions", "Undelivered dead letters"}
GOOD, BAD = b'{"family":"f-1","n":1}', b'{"family":"f-1"}'


class Played(NamedTuple):
    """Prometheus after `play`. The bridge has stopped one of the topic's two partitions."""

    prometheus: Prometheus
    topic: str


@pytest.fixture(scope="module")
def played(kafka: Kafka, centrifugo_v6: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("bridge")
    with ExitStack() as stack:
        stage = stack.enter_context(staged(kafka, centrifugo_v6, folder, partitions=2, **SETTINGS))
        bridges = [stack.enter_context(stage.bridge()) for _ in range(2)]
        for bridge in bridges:
            bridge.wait_until(lambda health: health.get("assigned", 0) > 0)
        targets = [f"127.0.0.1:{bridge.process.port}" for bridge in bridges]
        watching = stack.enter_context(prometheus(folder, {JOB: targets}))
        asyncio.run(play(stage, bridges, watching))
        if drawing.WANTED:
            drawing.draw("realtime-bridge", lambda query: answered(watching, query, JOB), watching.over)
        yield Played(watching, stage.topic)


async def play(stage: Stage, bridges: list[BridgeProcess], watching: Prometheus) -> None:
    """Let the bridges deliver, fail and stop. Each state lasts until Prometheus has scraped it."""

    async def seen(expr: str, number: int = 1) -> None:
        await watching.until(expr.replace("[]", f"[{RATE_INTERVAL}]"), number)

    await watching.begin(len(bridges))
    for key in (b"a", b"b", b"c", b"d"):
        stage.kafka.produce(stage.topic, [GOOD] * 20, key)
    await seen('rate(realtime_bridge_records_total{outcome="done"}[]) > 0')
    with stage.centrifugo.stopped():
        for key in (b"a", b"b", b"c", b"d"):
            stage.kafka.produce(stage.topic, [GOOD] * 200, key)
        await seen("realtime_bridge_centrifugo_outage == 1")
        await seen("realtime_bridge_paused == 1")
        await seen("realtime_bridge_lag_records > 0")
        await seen("realtime_bridge_inflight_requests > 0")
    await seen("sum(realtime_bridge_pending_records) == 0")
    await seen("sum(realtime_bridge_centrifugo_outage) == 0")
    stage.kafka.produce(stage.topic, [BAD] * 50, b"a")
    await seen("rate(realtime_bridge_dead_letters_total[]) > 0")
    await seen("realtime_bridge_partition_stopped == 1")
    bridges[1].process.terminate()
    await seen("rate(realtime_bridge_rebalances_total[]) > 0")
    watching.end()


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_query_of_the_dashboard_returns_data_that_its_panel_can_show(played: Played, query: PanelQuery) -> None:
    series = answered(played.prometheus, query, JOB)

    assert faults(query, series, share=False) == []
    assert (max(each.peak for each in series) > 0) == (query.panel not in AT_ZERO)


def test_the_timeline_shows_deliveries_and_an_outage(played: Played) -> None:
    [query] = [each for each in QUERIES if each.panel == "Delivery by process"]

    series = answered(played.prometheus, query, JOB)

    assert {0, 2} <= {value for each in series for value in each.values} <= {0, 1, 2}


def test_dead_letters_are_shown_by_topic_and_reason(played: Played) -> None:
    [query] = [each for each in QUERIES if each.panel == "Dead letters"]

    series = answered(played.prometheus, query, JOB)

    seen = [each.labels for each in series if each.peak > 0]
    assert seen == [{"topic": played.topic, "reason": "no_such_field"}]
