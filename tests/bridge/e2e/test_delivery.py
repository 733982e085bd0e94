"""An event reaches a client."""

from pathlib import Path

import pytest

from tests.bridge.e2e.stage import listening, staged
from tests.harness.kafka import Kafka

pytestmark = pytest.mark.processes


async def test_an_event_reaches_the_channel_of_its_family(kafka: Kafka, centrifugo_v6: Path, tmp_path: Path) -> None:
    with staged(kafka, centrifugo_v6, tmp_path) as stage, stage.bridge() as bridge:
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
