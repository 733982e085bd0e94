"""Starts Kafka and the bridge. Writes a domain event, which the bridge publishes to the family's chat."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.errors import DemoError
from demo.identity import LOOPBACK
from demo.people import FAMILY
from demo.process import ROOT, Part, child
from tools.kafka.broker import Broker, BrokerError, why_missing
from tools.ports import free_port

ROUTES: Final = ROOT / "demo" / "routes.toml"
TOPIC: Final = "diary.entry.created.v1"
DEAD_LETTERS: Final = "realtime.bridge.dead-letters"
EVENT: Final = {"entry_id": "e-1", "family_id": FAMILY, "title": "A walk", "text": "not for the chat"}

WriteEvent = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class DemoBridge:
    """The demonstration's bridge. If no bridge runs, only `why_not` is set; it contains the reason.

    `write_event` writes one domain event to Kafka. `parts` are the Kafka broker and the process of the bridge.
    """

    kafka_address: str = ""
    why_not: str = ""
    write_event: WriteEvent | None = None
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Kafka:
    """The running Kafka broker."""

    broker: Broker

    async def end(self) -> DemoError:
        """Implements `Part.end`."""
        code = await asyncio.to_thread(self.broker.wait)
        return DemoError(f"Kafka ended with code {code}: {self.broker.log()[-2000:]}")


def why_no_bridge(centrifugo: Path | None) -> str:
    """The reason why the demonstration has no bridge; "" if it has one."""
    if os.environ.get("DEMO_BRIDGE", "").lower() in ("off", "no", "0", "false"):
        return "DEMO_BRIDGE is off."
    return why_missing() if centrifugo else "Centrifugo is not available."


@asynccontextmanager
async def running_bridge(folder: Path, centrifugo_url: str, api_key: str) -> AsyncIterator[DemoBridge]:
    """Run Kafka with its topics, and a bridge that publishes to this Centrifugo. Raises DemoError."""
    kafka = folder / "kafka"
    kafka.mkdir()
    broker = Broker(kafka)
    start = asyncio.create_task(asyncio.to_thread(broker.start))
    try:
        await asyncio.shield(start)
        await asyncio.to_thread(_create_topics, broker.address)
        port = free_port()
        environment = bridge_environment(broker.address, centrifugo_url, api_key, port)
        async with child("The bridge", [sys.executable, "manage.py", "run_bridge"], environment, port) as process:
            parts = (Kafka(broker), process)
            yield DemoBridge(broker.address, write_event=_writer(broker.address), parts=parts)
    except BrokerError as error:
        raise DemoError(str(error)) from None
    finally:
        await asyncio.wait([start])  # after a cancellation, the thread may still be starting Kafka
        broker.kill()


def bridge_environment(kafka: str, centrifugo_url: str, api_key: str, port: int) -> Mapping[str, str]:
    """The complete environment of the bridge. PATH is the only variable that is taken from the shell."""
    return {
        "PATH": os.environ["PATH"],
        "LOG_LEVEL": "warn",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "BRIDGE_ROUTES_PATH": str(ROUTES),
        "BRIDGE_KAFKA_BROKERS": kafka,
        "BRIDGE_LISTEN_HOST": LOOPBACK,
        "BRIDGE_LISTEN_PORT": str(port),
        "BRIDGE_REPLAY_TOPIC": "",
        "CENTRIFUGO_API_URL": centrifugo_url,
        "CENTRIFUGO_API_KEY": api_key,
    }


def _create_topics(address: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic  # noqa: PLC0415  (needed only with Kafka)

    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    for made in admin.create_topics([NewTopic(TOPIC, 1, 1), NewTopic(DEAD_LETTERS, 1, 1)]).values():
        made.result(30)


def _writer(address: str) -> WriteEvent:
    def write() -> None:
        from confluent_kafka import Producer  # noqa: PLC0415

        producer = Producer({"bootstrap.servers": address, "log_level": 0})
        producer.produce(TOPIC, json.dumps(EVENT).encode(), FAMILY.encode())
        if producer.flush(10):
            raise DemoError("Kafka did not accept the event within 10 seconds.")

    async def write_event() -> str:
        await asyncio.to_thread(write)
        return f"an event was written to {TOPIC}"

    return write_event
