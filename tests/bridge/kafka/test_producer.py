"""KafkaProducer after a fatal error of the library's producer."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from bridge.kafka.errors import NotDelivered
from bridge.kafka.producer import KafkaProducer
from tests.harness.waiting import until
from tools.ports import free_port

FATAL = KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "the sequence is broken", fatal=True)
REFUSED = KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "may not write", fatal=True)


class FailingProducer:
    """A fake of the library's producer. Each poll reports one message: failed if `fails` is set, else delivered."""

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


async def test_after_a_fatal_error_every_waiting_message_fails_and_one_new_producer_is_made() -> None:
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


class RefusedProducer(FailingProducer):
    """Behaves as the library's producer does for a user that may not write: the first poll raises a fatal error.

    Later polls report each message as purged. `produce` accepts no more messages, and `flush` raises the error again.
    With `early`, the error exists before the first message.
    """

    def __init__(self, *, early: bool) -> None:
        super().__init__(fails=False)
        self.early = early
        self.raised = False

    def produce(self, topic: str, value: Any = None, key: Any = None, *, headers: Any, on_delivery: Any) -> None:
        if self.early or self.raised:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        super().produce(topic, value, key, headers=headers, on_delivery=on_delivery)

    def poll(self, timeout: float) -> int:
        if not self.raised:
            self.raised = True
            if self.early:
                raise SystemError from KafkaException(REFUSED)  # Python raises this if the poll also logs a line
            raise KafkaException(REFUSED)
        if not self.waiting:
            return 0
        self.waiting.pop(0)(KafkaError(KafkaError._PURGE_QUEUE), None)
        return 1

    def flush(self, timeout: float) -> int:
        raise SystemError from KafkaException(REFUSED)


async def test_a_fatal_error_that_poll_raises_is_the_cause_of_every_failure() -> None:
    made: list[FailingProducer] = []

    def make(properties: Any, logger: Any) -> FailingProducer:
        made.append(RefusedProducer(early=len(made) > 0))
        return made[-1]

    producer = KafkaProducer({}, make=make)
    try:
        async with asyncio.timeout(20):
            failed = [*await asyncio.gather(*(_send(producer) for _ in range(2)), return_exceptions=True)]
            for _ in range(2):
                failed += await asyncio.gather(_send(producer), return_exceptions=True)
    finally:
        await producer.close(1.0)

    assert [(type(error), str(error)) for error in failed] == [(NotDelivered, "CLUSTER_AUTHORIZATION_FAILED")] * 4
    assert len(made) == 3


async def test_a_message_is_not_delivered_if_no_new_producer_can_be_made() -> None:
    made: list[FailingProducer] = []

    def make(properties: Any, logger: Any) -> FailingProducer:
        if len(made) == 1:  # as if the CA file were gone
            made.append(FailingProducer(fails=False))
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
        made.append(FailingProducer(fails=not made))
        return made[-1]

    producer = KafkaProducer({}, make=make)
    try:
        async with asyncio.timeout(20):
            first = await asyncio.gather(_send(producer), return_exceptions=True)
            second = await asyncio.gather(_send(producer), return_exceptions=True)
            await _send(producer)
    finally:
        await producer.close(1.0)

    assert [(type(error), str(error)) for error in (*first, *second)] == [
        (NotDelivered, "OUT_OF_ORDER_SEQUENCE_NUMBER"),
        (NotDelivered, "_INVALID_ARG"),
    ]
    assert len(made) == 3


async def test_a_replaced_producer_is_freed_even_if_callers_keep_its_errors() -> None:
    made: list[weakref.ref[FailingProducer]] = []

    def make(properties: Any, logger: Any) -> FailingProducer:
        new = FailingProducer(fails=len(made) < 2)
        made.append(weakref.ref(new))
        return new

    producer = KafkaProducer({}, make=make)
    try:
        async with asyncio.timeout(20):
            kept = await asyncio.gather(*(_send(producer) for _ in range(3)), return_exceptions=True)
            kept += await asyncio.gather(_send(producer), return_exceptions=True)
            await _send(producer)
            while made[0]() is not None:
                await asyncio.sleep(0.01)
    finally:
        await producer.close(1.0)

    assert [type(error) for error in kept] == [NotDelivered] * 4


async def test_log_lines_of_the_library_appear_while_no_message_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    producer = KafkaProducer({"bootstrap.servers": f"127.0.0.1:{free_port()}"})
    try:
        await until(lambda: "Connection refused" in caplog.text)
    finally:
        await producer.close(0.0)

    assert "Connection refused" in caplog.text
