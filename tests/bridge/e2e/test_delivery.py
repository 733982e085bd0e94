"""An event in Kafka reaches a client of Centrifugo."""

import asyncio
import secrets
from pathlib import Path

import pytest

from tests.bridge.e2e.stage import GIVE_UP_S, ROUTES, listening, staged
from tests.harness.bridge import BridgeProcess
from tests.harness.kafka import Kafka

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    "variables",
    [{}, {"BRIDGE_KAFKA_GROUP_PROTOCOL": "consumer"}, {"BRIDGE_INSTANCE_ID": "bridge-0"}],
    ids=["classic", "KIP-848", "static member"],
)
async def test_an_event_reaches_the_channel_of_its_family(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage, stage.bridge(**variables) as bridge:
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            kafka.produce(
                stage.topic, [b'{"family":"f-1","n":1}', b'{"family":"f-2","n":2}', b'{"family":"f-1","n":3}']
            )
            await client.until(lambda: client.count >= 2)
            bridge.wait_until(lambda health: health["pending"] == 0)
            ended = bridge.process.terminate()

    assert client.received == {"family:f-1": [{"n": 1}, {"n": 3}]}
    assert ended == 0
    assert kafka.committed(stage.group, stage.topic) == [3]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_pattern_matches_anywhere_in_the_names_of_topics(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path, protocol: str
) -> None:
    name = secrets.token_hex(4)
    beginning, middle = kafka.create_topic(f"{name}.diary"), kafka.create_topic(f"old.{name}")
    patterns = rf'"^{name}\\.diary\\.", "^none|\\.{name}\\."'
    routes = ROUTES.replace('"{topic}"', patterns)
    with staged(kafka, centrifugo_v6, tmp_path, routes=routes, BRIDGE_KAFKA_GROUP_PROTOCOL=protocol) as stage:
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            with stage.bridge():
                kafka.produce(beginning, [b'{"family":"f-1","n":1}'])
                kafka.produce(middle, [b'{"family":"f-1","n":2}'])
                await client.until(lambda: client.count == 2)

    assert sorted(client.numbers("family:f-1")) == [1, 2]


async def test_a_topic_that_is_deleted_and_created_again_is_read_from_its_beginning(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    """The offsets begin at 0 again. Centrifugo must not drop the new events as repetitions."""
    numbered = [b'{"family":"f-1","n":%d}' % number for number in range(5)]
    with staged(kafka, centrifugo_v6, tmp_path) as stage, stage.bridge() as bridge:
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            kafka.produce(stage.topic, numbered[:3])
            await client.until(lambda: client.count >= 3)
            bridge.wait_until(lambda health: kafka.committed(stage.group, stage.topic) == [3])
            kafka.delete(stage.topic)
            kafka.create(stage.topic)
            kafka.produce(stage.topic, numbered[3:])
            await client.until(lambda: client.count >= 5)

    assert client.numbers("family:f-1") == [0, 1, 2, 3, 4]


async def test_a_bridge_ends_if_the_library_does_not_read_a_topic_created_again_and_the_next_bridge_reads_it(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    """The library ignores the leader of the new topic, because the leader of the old topic had a higher epoch."""
    numbered = [b'{"family":"f-1","n":%d}' % number for number in range(4)]
    with staged(kafka, centrifugo_v6, tmp_path, BRIDGE_LAG_INTERVAL_MS="1000") as stage:
        await asyncio.to_thread(kafka.broker.kill)
        await asyncio.to_thread(kafka.broker.start)  # now the epoch of the topic's leader is above 0
        async with listening(stage.centrifugo.websocket, ["family:f-1"]) as client:
            with stage.bridge() as bridge:
                kafka.produce(stage.topic, numbered[:3])
                await client.until(lambda: client.count == 3)
                bridge.wait_until(lambda health: kafka.committed(stage.group, stage.topic) == [3])
                await asyncio.to_thread(bridge.wait_until, lambda health: lag_is_measured(bridge, stage.topic))
                kafka.delete(stage.topic)
                kafka.create(stage.topic)
                kafka.produce(stage.topic, numbered[3:])
                ended = await asyncio.to_thread(bridge.process.popen.wait, GIVE_UP_S)
                last = bridge.process.lines()[-1]
            with stage.bridge():
                await client.until(lambda: client.count == 4)

    assert (ended, last["topics"]) == (1, stage.topic)
    assert client.numbers("family:f-1") == [0, 1, 2, 3]


def lag_is_measured(bridge: BridgeProcess, topic: str) -> bool:
    """True if the bridge has measured its lag: before that, it does not know the id of the topic."""
    return (
        f'realtime_bridge_lag_records{{partition="0",topic="{topic}"}} 0.0' in bridge.process.http.get("/metrics").text
    )


async def test_the_end_of_a_topic_written_in_transactions_is_committed(
    kafka: Kafka, centrifugo_v6: Path, tmp_path: Path
) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage, stage.bridge() as bridge:
        bridge.wait_until_assigned(2)
        with kafka.producer(transactional_id=stage.topic) as producer:
            producer.init_transactions(30)
            for outcome in (producer.commit_transaction, producer.abort_transaction):
                producer.begin_transaction()
                producer.produce(stage.topic, b'{"family":"f-1","n":1}')
                producer.flush(30)
                outcome(30)
        bridge.wait_until(lambda health: kafka.committed(stage.group, stage.topic) == [4])
        done = bridge.metric(f'realtime_bridge_records_total{{outcome="done",topic="{stage.topic}"}}')

    assert done == 1
