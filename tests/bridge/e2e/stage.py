"""The parts of an end-to-end test: Kafka, the bridge as a process, Centrifugo, and a subscribed client."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

from tests.harness import centrifugo
from tests.harness.bridge import BridgeProcess, running_bridge
from tests.harness.centrifugo import Centrifugo, Config
from tests.harness.kafka import Kafka

GIVE_UP_S = 60.0
NAMESPACE = "family"

ROUTES = """
version = 1

[[routes]]
name = "entries"
topics = ["{topic}"]
[[routes.actions]]
do = "publish"
channel = "family:{{family}}"
fields = ["n"]
"""


def api_config(major: int, key: str) -> Config:
    """The configuration of a Centrifugo with an API key and a namespace with history. Clients need no token."""
    namespace = {"name": NAMESPACE, "allow_subscribe_for_client": True, "history_size": 10, "history_ttl": "60s"}
    if major == 5:
        return {"api_key": key, "client_insecure": True, "namespaces": [namespace]}
    return {"http_api": {"key": key}, "client": {"insecure": True}, "channel": {"namespaces": [namespace]}}


@dataclass(frozen=True)
class Stage:
    """Kafka and Centrifugo for the bridges of one test. `variables` is the environment of these bridges."""

    kafka: Kafka
    centrifugo: Centrifugo
    topic: str
    routes: Path
    variables: dict[str, str]

    @property
    def group(self) -> str:
        return self.variables["BRIDGE_KAFKA_GROUP"]

    @contextmanager
    def bridge(self, **variables: str) -> Iterator[BridgeProcess]:
        """A bridge that has just been started."""
        url = f"{self.centrifugo.url}/api"
        with running_bridge(self.routes, self.kafka.address, url, **{**self.variables, **variables}) as process:
            yield process


@contextmanager
def staged(
    kafka: Kafka, binary: Path, folder: Path, *, partitions: int = 1, routes: str = ROUTES, **variables: str
) -> Iterator[Stage]:
    """Centrifugo, topics and a routes file for one test."""
    key = secrets.token_hex(8)
    topic = kafka.create_topic("entries", partitions=partitions)
    dead_letters = kafka.create_topic("dead-letters")
    kafka.create(f"{dead_letters}.replay")
    file = folder / "routes.toml"
    file.write_text(routes.format(topic=topic))
    own = {
        "BRIDGE_KAFKA_GROUP": f"bridge.{secrets.token_hex(4)}",
        "BRIDGE_DEAD_LETTER_TOPIC": dead_letters,
        "CENTRIFUGO_API_KEY": key,
        "BRIDGE_COMMIT_INTERVAL_MS": "200",
    }
    with centrifugo.running(binary, api_config(centrifugo.layout(binary), key)) as running:
        yield Stage(kafka, running, topic, file, {**own, **variables})


@dataclass
class Listening:
    """The publications that a subscribed client received, by channel, in order."""

    received: dict[str, list[Any]] = field(default_factory=dict)

    def numbers(self, channel: str) -> list[int]:
        return [data["n"] for data in self.received.get(channel, [])]

    @property
    def count(self) -> int:
        return sum(len(received) for received in self.received.values())

    async def until(self, condition: Callable[[], bool], within_s: float = GIVE_UP_S) -> None:
        """Wait until the condition is true. After `within_s`, raise AssertionError with the numbers of publications."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{self.count} received: { {k: len(v) for k, v in self.received.items()} }") from None


@asynccontextmanager
async def listening(url: str, channels: Sequence[str]) -> AsyncIterator[Listening]:
    """A client of Centrifugo that is subscribed to these channels."""
    heard = Listening({channel: [] for channel in channels})
    async with websockets.connect(url, proxy=None, max_queue=None, ping_interval=None, max_size=None) as socket:
        commands = [{"id": 1, "connect": {}}]
        commands += [{"id": number, "subscribe": {"channel": name}} for number, name in enumerate(channels, 2)]
        await socket.send("\n".join(json.dumps(command) for command in commands))
        ready = asyncio.Event()
        task = asyncio.create_task(_listen(socket, heard, len(commands), ready))
        await asyncio.wait_for(ready.wait(), GIVE_UP_S)
        try:
            yield heard
        finally:
            task.cancel()


async def _listen(socket: Any, heard: Listening, replies: int, ready: asyncio.Event) -> None:
    async for frame in socket:
        for line in frame.splitlines():
            message = json.loads(line)
            if not message:
                await socket.send("{}")
            elif "id" in message:
                assert "error" not in message, message
                replies -= 1
                if not replies:
                    ready.set()
            elif "pub" in message["push"]:
                heard.received[message["push"]["channel"]].append(message["push"]["pub"]["data"])
