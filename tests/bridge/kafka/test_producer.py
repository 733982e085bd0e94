"""The producer after a fatal error of the library's producer."""

import asyncio
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from bridge.kafka.errors import NotDelivered
from bridge.kafka.producer import KafkaProducer

FATAL = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "the sequence is broken", fatal=True)


class FailingProducer:
    """Reports one message in each poll; with `fails`, every message has failed."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.waiting: list[Callable[[KafkaError | None, Any], None]] = []

    def produce(self, topic: str, value: Any = None, key: Any = None, *, headers: Any, on_delivery: Any) -> None:
        self.waiting.append(on_delivery)

    def poll(self, timeout: float) -> int:
        if not self.waiting:
            return 0
        self.waiting.pop(0)(FATAL if self.fails else None, None)
        return 1

    def flush(self, timeout: float) -> int:
        return len(self.waiting)

    def __len__(self) -> int:
        return len(self.waiting)


async def test_after_a_fatal_error_every_message_is_reported_and_one_new_producer_is_made() -> None:
    made: list[FailingProducer] = []

    def make(properties: Any, logger: Any) -> FailingProducer:
        made.append(FailingProducer(fails=not made))
        return made[-1]

    producer = KafkaProducer({}, make=make)
    try:
        async with asyncio.timeout(20):
            failed = await asyncio.gather(*(_send(producer) for _ in range(3)), return_exceptions=True)
            await _send(producer)
    finally:
        await producer.close(1.0)

    assert [type(error) for error in failed] == [NotDelivered] * 3
    assert len(made) == 2


async def _send(producer: KafkaProducer) -> None:
    await producer.send("letters", key=None, value=b"{}", headers=())


async def test_a_producer_without_a_fatal_error_is_kept() -> None:
    made: list[FailingProducer] = []

    def make(properties: Any, logger: Any) -> FailingProducer:
        made.append(FailingProducer(fails=False))
        return made[-1]

    producer = KafkaProducer({}, make=make)
    try:
        async with asyncio.timeout(20):
            await asyncio.gather(*(_send(producer) for _ in range(3)))
    finally:
        await producer.close(1.0)

    assert len(made) == 1
