"""Subscribers of the backlog's channels, at a real Centrifugo."""

import json
import os
import re
import signal
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
import websockets
from websockets.typing import Origin

from bench.parts.bridge_forms import CHANNELS
from bench.parts.centrifugo import BINARY
from bench.parts.kafka_stage import GIVE_UP_S, Front, Stage
from bench.parts.processes import BenchError
from bench.parts.subscriber import subscribed
from bench.parts.websocket import ORIGIN
from tests.harness.waiting import until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not BINARY.exists(), reason="needs Centrifugo: make centrifugo"),
]


def subscriptions(front: Front) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{front.port}/metrics", timeout=10) as answer:
        found = re.search(r"^centrifugo_node_num_subscriptions (\S+)$", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


async def test_each_subscriber_is_subscribed_to_every_channel(tmp_path: Path) -> None:
    with Stage("no Kafka", tmp_path).centrifugo() as front, subscribed(front.port, 2):
        await until(lambda: subscriptions(front) >= 2 * CHANNELS)

        assert subscriptions(front) == 2 * CHANNELS


async def test_a_subscriber_that_answers_no_pings_stays_connected_for_a_whole_measurement(tmp_path: Path) -> None:
    with Stage("no Kafka", tmp_path).centrifugo() as front:
        async with websockets.connect(front.websocket, origin=Origin(ORIGIN), proxy=None) as socket:
            await socket.send('{"id":1,"connect":{}}')
            connected = json.loads(await socket.recv())["connect"]

    assert connected["ping"] > 2 * GIVE_UP_S


async def test_a_subscriber_that_loses_its_connection_fails_the_measurement(tmp_path: Path) -> None:
    with Stage("no Kafka", tmp_path).centrifugo() as front, ExitStack() as clients:
        [client] = clients.enter_context(subscribed(front.port, 1))
        os.kill(front.pid, signal.SIGKILL)
        await until(lambda: client.poll() is not None)

        with pytest.raises(BenchError, match=r"closed the connection of a subscriber"):
            clients.close()
