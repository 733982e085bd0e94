"""Events at a steady rate, and the check that a client received each event once and in order."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Producer

from tests.bridge.e2e.stage import Listening, Stage

LONG = os.environ.get("TORTURE") == "long"
FAMILIES = 20
PARTITIONS = 4
CHANNELS = [f"family:f-{number}" for number in range(FAMILIES)]


@dataclass
class Load:
    """Writes `rate` events per second. Each event is for the next family, in turn.

    It writes at least `total` events, and continues until `assert_delivered` is called or `producing` ends.
    """

    total: int
    rate: int
    stage: Stage
    enough: threading.Event = field(default_factory=threading.Event)
    written: threading.Event = field(default_factory=threading.Event)

    def produce(self) -> None:
        """Write the events, each once and in order, even if Kafka fails meanwhile."""
        producer = Producer(
            {"bootstrap.servers": self.stage.kafka.address, "enable.idempotence": True, "linger.ms": 2},
        )
        began = time.monotonic()
        number = 0
        while number < self.total or number % FAMILIES or not self.enough.is_set():
            family = f"f-{number % FAMILIES}"
            value = b'{"family":"%s","n":%d}' % (family.encode(), number // FAMILIES)
            producer.produce(self.stage.topic, value, family.encode(), partition=number % FAMILIES % PARTITIONS)
            producer.poll(0)
            number += 1
            time.sleep(max(0.0, began + number / self.rate - time.monotonic()))
        assert producer.flush(60) == 0
        self.total = number
        self.written.set()

    async def assert_delivered(self, heard: Listening) -> None:
        """Assert that the client received every event once, and the events of each family in order."""
        self.enough.set()
        assert await asyncio.to_thread(self.written.wait, 90), "Kafka did not accept all events"
        await heard.until(lambda: heard.count >= self.total)
        each = self.total // FAMILIES
        wrong = {name: numbers for name in CHANNELS if (numbers := heard.numbers(name)) != list(range(each))}
        assert wrong == {}, f"lost, repeated or out of order: {wrong}"

    def assert_committed(self) -> None:
        """Assert that every event is committed within 20 s."""
        each = self.total // PARTITIONS
        until = time.monotonic() + 20
        wanted = [each] * PARTITIONS
        while (seen := self.stage.kafka.committed(self.stage.group, self.stage.topic, PARTITIONS)) != wanted:
            assert time.monotonic() < until, seen
            time.sleep(0.1)


@contextmanager
def producing(stage: Stage, total: int, rate: int = 400) -> Iterator[Load]:
    """Write events in a thread. Leaving the context waits until all of them are written."""
    load = Load(total, rate, stage)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            load.produce()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield load
    finally:
        load.enough.set()
        thread.join()
    assert failures == []
