"""A Kafka with a topic of domain events. Centrifugo gets them from the bridge, or with its own consumer."""

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from bench.parts.processes import LOOPBACK, ROOT, BenchError, process
from tools.kafka.broker import Broker, why_missing
from tools.ports import free_port

CENTRIFUGO: Final = ROOT / ".cache" / "centrifugo-v6"
KEY: Final = "bench"
TOPIC: Final = "entries"
EMPTY: Final = "nothing"
DEAD_LETTERS: Final = "dead-letters"
PARTITIONS: Final = 4
CHANNELS: Final = 1000
PUBLISHED: Final = re.compile(r'^centrifugo_node_messages_sent_count\{.*type="publication".*\} (\S+)$', re.MULTILINE)
ROUTES: Final = """version = 1

[[routes]]
name = "entries"
topics = ["TOPIC"]
[[routes.actions]]
do = "publish"
channel = "family:{family}"
fields = ["family", "at", "text"]
"""


@dataclass
class Stage:
    """A running broker. `written` counts the events in the topic. `redis` is Centrifugo's engine, "" for its memory."""

    address: str
    folder: Path
    redis: str = ""
    written: int = 0

    def fill(self, records: int, size: int) -> None:
        """Write this many events, with the headers that Centrifugo's own consumer needs."""
        producer = Producer(
            {"bootstrap.servers": self.address, "linger.ms": 20, "queue.buffering.max.messages": 500_000}
        )
        text = "x" * size
        for number in range(records):
            self.produce(producer, number, text)
            if number % 1000 == 0:
                producer.poll(0)
        if producer.flush(120):
            raise BenchError("Kafka did not accept all events within 120 s.")

    def produce(self, producer: Producer, number: int, text: str) -> None:
        """Write one event. Its `at` is the present time in nanoseconds."""
        family = f"f{number % CHANNELS}"
        event = {"family": family, "at": time.time_ns(), "text": text}
        headers: list[tuple[str, str | bytes | None]] = [
            ("x-centrifugo-channels", f"family:{family}".encode()),
            ("x-centrifugo-idempotency-key", f"bench:{number}".encode()),
        ]
        producer.produce(TOPIC, json.dumps(event).encode(), family.encode(), headers=headers)
        self.written += 1

    @contextmanager
    def centrifugo(self, consumer_group: str = "", topic: str = TOPIC) -> Iterator["Front"]:
        """A Centrifugo. With a group, its own consumer reads the topic."""
        port = free_port()
        config: dict[str, Any] = {
            "http_server": {"address": LOOPBACK, "port": str(port)},
            "http_api": {"key": KEY},
            "prometheus": {"enabled": True},
            "client": {"insecure": True, "channel_limit": CHANNELS},
            "channel": {"namespaces": [{"name": "family", "allow_subscribe_for_client": True}]},
        }
        if self.redis:
            config["engine"] = {"type": "redis", "redis": {"address": self.redis}}
        if consumer_group:
            config["consumers"] = [own_consumer(self.address, consumer_group, topic)]
        file = self.folder / f"centrifugo-{port}.json"
        file.write_text(json.dumps(config))
        with subprocess.Popen(  # noqa: S603
            [str(CENTRIFUGO), "-c", str(file)],
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as popen:
            try:
                front = Front(port, popen.pid)
                front.wait()
                yield front
            finally:
                popen.kill()

    @contextmanager
    def bridge(self, front: "Front", group: str, topic: str = TOPIC, **variables: str) -> Iterator[int]:
        """The process id of a bridge that delivers to this Centrifugo."""
        port = free_port()
        routes = self.folder / "routes.toml"
        routes.write_text(ROUTES.replace("TOPIC", topic))
        more = self.folder / "kafka.properties"
        more.write_text("session.timeout.ms=6000\n")
        environment = {
            "BRIDGE_ROUTES_PATH": str(routes),
            "BRIDGE_KAFKA_BROKERS": self.address,
            "BRIDGE_KAFKA_GROUP": group,
            "BRIDGE_KAFKA_CONFIG_PATH": str(more),
            "BRIDGE_DEAD_LETTER_TOPIC": DEAD_LETTERS,
            "BRIDGE_BATCH_PARALLEL": "true" if self.redis else "false",
            "BRIDGE_LISTEN_HOST": LOOPBACK,
            "BRIDGE_LISTEN_PORT": str(port),
            "CENTRIFUGO_API_URL": f"http://{LOOPBACK}:{front.port}/api",
            "CENTRIFUGO_API_KEY": KEY,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "",
            **variables,
        }
        with process("The bridge", ["manage.py", "run_bridge"], port, environment) as pid:
            yield pid


@dataclass(frozen=True)
class Front:
    """A running Centrifugo."""

    port: int
    pid: int

    @property
    def websocket(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/connection/websocket"

    def published(self) -> int:
        """The number of publications since its start."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/metrics", timeout=10) as answer:
            found = PUBLISHED.search(answer.read().decode())
        return int(float(found[1])) if found else 0

    def wait(self) -> None:
        until = time.monotonic() + 20
        while True:
            try:
                self.published()
            except OSError:
                if time.monotonic() > until:
                    raise BenchError("Centrifugo does not answer.") from None
                time.sleep(0.05)
            else:
                return


def own_consumer(address: str, group: str, topic: str) -> Mapping[str, Any]:
    """The configuration of Centrifugo's own consumer for the same events."""
    mode = {
        "enabled": True,
        "channels_header": "x-centrifugo-channels",
        "idempotency_key_header": "x-centrifugo-idempotency-key",
    }
    kafka = {"brokers": [address], "topics": [topic], "consumer_group": group, "publication_data_mode": mode}
    return {"enabled": True, "name": "own", "type": "kafka", "kafka": kafka}


@contextmanager
def kafka_stage(redis: str = "") -> Iterator[Stage]:
    """A broker with the topics. Raises BenchError if Kafka or Centrifugo is missing."""
    if why := why_missing():
        raise BenchError(why)
    if not CENTRIFUGO.exists():
        raise BenchError("Centrifugo is not built: run `make centrifugo`.")
    with TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        broker.start()
        try:
            admin = AdminClient({"bootstrap.servers": broker.address})
            topics = [NewTopic(name, PARTITIONS, 1) for name in (TOPIC, EMPTY, DEAD_LETTERS)]
            for made in admin.create_topics(topics).values():
                made.result(30)
            yield Stage(broker.address, folder, redis)
        finally:
            broker.kill()
