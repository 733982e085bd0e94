"""Runs a Kafka broker with domain events, and Centrifugo, which gets them from a bridge or with its own consumer."""

import json
import os
import re
import secrets
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from bench.parts.bridge_forms import CHANNELS, ROUTES, Form, message, own_consumer
from bench.parts.centrifugo import BINARY, require_centrifugo
from bench.parts.processes import LOOPBACK, BenchError, process
from bench.parts.websocket import ORIGIN
from tools.kafka.broker import Broker, BrokerError, why_missing
from tools.ports import free_port

KEY: Final = "bench"
EMPTY: Final = "nothing"
DEAD_LETTERS: Final = "dead-letters"
PARTITIONS: Final = 4
SESSION_S: Final = 6
GIVE_UP_S: Final = 120.0
MOST_QUEUED: Final = 500_000
UNREAD: Final = 1 << 30  # bytes; with the default, Centrifugo disconnects a subscriber that reads too slowly
QUIET: Final = {"log_level": 2}  # with the default, librdkafka logs an error when the broker ends
PUBLISHED: Final = re.compile(r'^centrifugo_node_messages_sent_count\{.*type="publication".*\} (\S+)$', re.MULTILINE)


@dataclass
class Stage:
    """A running Kafka broker. `written` contains the number of events in each topic.

    `redis` is the address of the Redis that Centrifugo uses as its engine. If it is "", Centrifugo uses its memory
    engine.
    """

    address: str
    folder: Path
    redis: str = ""
    written: Counter[Form] = field(default_factory=Counter)

    def fill(self, form: Form, records: int, size: int) -> None:
        """Write `records` events, each with a text of `size` characters.

        Raises BenchError if Kafka does not accept them in time.
        """
        options = {"linger.ms": 20, "queue.buffering.max.messages": MOST_QUEUED, **QUIET}
        producer = Producer({"bootstrap.servers": self.address, **options})
        text = "x" * size
        for number in range(records):
            self.produce(producer, form, number, text)
            if number % 1000 == 0:
                producer.poll(0)
            while len(producer) >= MOST_QUEUED:
                producer.poll(0.1)
        if producer.flush(GIVE_UP_S):
            raise BenchError("Kafka did not accept all events in time.")

    def write(self, form: Form, rate: int, number: int) -> None:
        """Write `number` events at a steady rate of `rate` events per second.

        Raises BenchError if Kafka does not accept them in time.
        """
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 0, **QUIET})
        began = time.monotonic()
        for each in range(number):
            self.produce(producer, form, each, "x" * 900)
            producer.poll(0)
            time.sleep(max(0.0, began + each / rate - time.monotonic()))
        if producer.flush(30):
            raise BenchError("Kafka did not accept all events in time.")

    def produce(self, producer: Producer, form: Form, number: int, text: str) -> None:
        """Write one event. Its `at` is the present time in nanoseconds."""
        record = message(form, number, time.time_ns(), text)
        producer.produce(form.value, record.value, record.key, headers=record.headers)
        self.written[form] += 1

    @contextmanager
    def centrifugo(self, form: Form = Form.BRIDGE, topic: str = "", port: int = 0) -> Iterator["Front"]:
        """Run a Centrifugo on this port, or on a free port. It reads the topic itself if `form` is not BRIDGE."""
        port = port or free_port()
        file = self.folder / f"centrifugo-{port}.json"
        file.write_text(json.dumps(self._configuration(form, topic or form.value, port)))
        with subprocess.Popen(  # noqa: S603
            [str(BINARY), "-c", str(file)],
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

    def _configuration(self, form: Form, topic: str, port: int) -> dict[str, Any]:
        config: dict[str, Any] = {
            "http_server": {"address": LOOPBACK, "port": str(port)},
            "http_api": {"key": KEY},
            "prometheus": {"enabled": True},
            "client": {
                "insecure": True,
                "channel_limit": CHANNELS,
                "allowed_origins": [ORIGIN],
                "queue_max_size": UNREAD,
                "ping_interval": "1h",  # the subscribers do not answer pings, and Centrifugo would soon disconnect them
            },
            "channel": {"namespaces": [{"name": "family", "allow_subscribe_for_client": True}]},
        }
        if self.redis:
            # The prefix is new in each run: otherwise Redis would still have the idempotency keys of an earlier run.
            prefix = f"bench.{secrets.token_hex(4)}"
            config["engine"] = {"type": "redis", "redis": {"address": self.redis, "prefix": prefix}}
        if form is not Form.BRIDGE:
            config["consumers"] = [own_consumer(form, self.address, new_group(), topic)]
        return config

    @contextmanager
    def bridge(self, front: "Front", group: str, topic: str = Form.BRIDGE, **variables: str) -> Iterator[int]:
        """Run a bridge that delivers to this Centrifugo. Yields its process id."""
        port = free_port()
        routes = self.folder / "routes.toml"
        routes.write_text(ROUTES.replace("TOPIC", topic))
        more = self.folder / "kafka.properties"
        more.write_text(f"session.timeout.ms={SESSION_S * 1000}\n")
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
        """Wait until it answers. Raises BenchError after 20 s."""
        until = time.monotonic() + 20
        while True:
            try:
                self.published()
            except OSError:
                if time.monotonic() > until:
                    raise BenchError("Centrifugo does not answer.") from None
                time.sleep(0.02)
            else:
                return

    def wait_for(self, publications: int, look_every_s: float = 0.1) -> list[tuple[float, int]]:
        """Read the number of publications again and again, until it is at least `publications`.

        Returns a pair for each reading: the monotonic time in seconds, and the number. Raises BenchError after
        `GIVE_UP_S`.
        """
        until = time.monotonic() + GIVE_UP_S
        looks = [(time.monotonic(), self.published())]
        while looks[-1][1] < publications:
            if time.monotonic() > until:
                raise BenchError(
                    f"Only {looks[-1][1]} of {publications} publications arrived within {GIVE_UP_S:.0f} s."
                )
            time.sleep(look_every_s)
            looks.append((time.monotonic(), self.published()))
        return looks


def new_group() -> str:
    """The name of a consumer group that has read nothing yet."""
    return f"bench.{secrets.token_hex(4)}"


@contextmanager
def kafka_stage(redis: str = "") -> Iterator[Stage]:
    """Run a broker with the topics. Raises BenchError if it does not start, or if Kafka or Centrifugo is missing."""
    if why := why_missing():
        raise BenchError(why)
    require_centrifugo()
    with TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        try:
            broker.start()
            admin = AdminClient({"bootstrap.servers": broker.address, **QUIET})
            topics = [NewTopic(name, PARTITIONS, 1) for name in (*Form, EMPTY, DEAD_LETTERS)]
            for made in admin.create_topics(topics).values():
                made.result(30)
            yield Stage(broker.address, folder, redis)
        except BrokerError as error:
            raise BenchError(str(error)) from None
        finally:
            broker.kill()
