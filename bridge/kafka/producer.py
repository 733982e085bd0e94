"""Writes to Kafka, and waits until the brokers have confirmed the message."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bridge.commands import Headers
from bridge.kafka.errors import NotDelivered

POLL_S: Final = 0.2
# Without polls, the library's log lines would stay in its queue until the next message, and then have the wrong time.
IDLE_S: Final = 1.0
# After a fatal error, `produce` and delivery reports have these errors, which do not contain the cause.
WITHOUT_CAUSE: Final = (KafkaError._FATAL, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
# `poll` and `flush` raise these for a fatal error. If the library also logs a line in the same call, the exception is
# a SystemError, and the KafkaException is its cause.
RAISED: Final = (KafkaException, SystemError)

logger = logging.getLogger("bridge.kafka")


class LibraryProducer(Protocol):
    """The methods of confluent_kafka's Producer that are used here."""

    def produce(
        self,
        topic: str,
        value: bytes | None = ...,
        key: bytes | None = ...,
        *,
        headers: list[tuple[str, str | bytes | None]],
        on_delivery: Callable[[KafkaError | None, Message], None],
    ) -> None: ...
    def poll(self, timeout: float) -> int: ...
    def flush(self, timeout: float) -> int: ...
    def __len__(self) -> int: ...


class KafkaProducer:
    """A producer, and a thread that polls it: for delivery reports while messages are in flight, and otherwise
    for log lines.

    `make` makes the library's producer. After a fatal error, a producer never sends again, so the next message gets a
    new producer. The library raises the fatal error only once, in the next call of any method (also `poll` and
    `flush`). The library's later errors, in delivery reports and from `produce`, do not contain the cause.
    """

    def __init__(self, properties: Mapping[str, object], *, make: Callable[..., LibraryProducer] = Producer) -> None:
        self._make = partial(make, dict(properties), logger=logger)
        self._producer = self._make()
        self._broken: LibraryProducer | None = None
        self._cause = ""  # of the last fatal error
        self._replaced: list[LibraryProducer] = []  # their last delivery reports are still to come
        self._work = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write a message; returns when all in-sync replicas have it. Raises NotDelivered."""
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[None] = loop.create_future()

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            loop.call_soon_threadsafe(_settle, delivered, error)

        producer = self._usable()
        try:
            producer.produce(topic, value, key, headers=list(headers), on_delivery=on_delivery)
            self._work.set()
            await delivered
        except BufferError:
            raise NotDelivered("QUEUE_FULL") from None
        except KafkaException as failure:
            raise self._not_delivered(producer, failure.args[0]) from None
        finally:
            # An exception keeps this frame alive, and the frame would keep the producer, with its threads and
            # connections.
            del producer

    def _usable(self) -> LibraryProducer:
        """The current producer; after a fatal error, a new producer. Raises NotDelivered if it cannot be made."""
        if self._broken is self._producer:
            try:
                made = self._make()
            except KafkaException as failure:
                raise NotDelivered(failure.args[0].name()) from None
            self._replaced.append(self._producer)
            self._producer = made
            self._work.set()
        return self._producer

    def _not_delivered(self, producer: LibraryProducer, error: KafkaError) -> NotDelivered:
        if error.code() == KafkaError._FATAL:
            self._serve(producer, 0)  # poll raises the cause if no earlier call has raised it
            self._break(producer, self._cause)
        elif error.fatal():
            self._break(producer, error.name())
        if error.code() in WITHOUT_CAUSE and self._cause:
            return NotDelivered(self._cause)
        return NotDelivered(error.name(), too_large=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)

    def _break(self, producer: LibraryProducer, cause: str) -> None:
        self._cause = cause
        if producer is self._producer:
            self._broken = producer

    def _poll(self) -> None:
        while not self._closed:
            self._work.wait(IDLE_S)
            self._serve(self._producer, POLL_S)
            self._serve_replaced()
            if not self._in_flight():
                self._work.clear()
                if self._in_flight():
                    self._work.set()

    def _serve_replaced(self) -> None:
        for producer in list(self._replaced):
            self._serve(producer, 0)
            if not len(producer):
                self._replaced.remove(producer)

    def _serve(self, producer: LibraryProducer, timeout_s: float) -> None:
        try:
            producer.poll(timeout_s)
        except RAISED as failure:
            cause = failure.__cause__ if isinstance(failure, SystemError) else failure
            self._break(producer, cause.args[0].name() if isinstance(cause, KafkaException) else "_FATAL")

    def _in_flight(self) -> int:
        return len(self._producer) + sum(map(len, self._replaced))

    async def close(self, timeout_s: float) -> None:
        """Wait at most this long for the current producer's messages in flight, then end the thread."""
        with suppress(*RAISED):
            await asyncio.to_thread(self._producer.flush, timeout_s)
        self._closed = True
        self._work.set()
        await asyncio.to_thread(self._thread.join, 5.0)


def _settle(delivered: asyncio.Future[None], error: KafkaError | None) -> None:
    if delivered.done():
        return
    if error is None:
        delivered.set_result(None)
    else:
        delivered.set_exception(KafkaException(error))
