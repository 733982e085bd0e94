"""Writes to Kafka, and waits until the broker has the message."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bridge.commands import Headers
from bridge.kafka.errors import NotDelivered

POLL_S: Final = 0.2

logger = logging.getLogger("bridge.kafka")


class LibraryProducer(Protocol):
    """The part of confluent_kafka's Producer that is used here."""

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
    """A producer, and a thread that polls for delivery reports while messages are in flight.

    `make` makes the library's producer. After a fatal error a producer never sends again, and a new one replaces it.
    """

    def __init__(self, properties: Mapping[str, object], *, make: Callable[..., LibraryProducer] = Producer) -> None:
        self._make = partial(make, dict(properties), logger=logger)
        self._producer = self._make()
        self._fatal: list[LibraryProducer] = []  # replaced; their last delivery reports are still to come
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

        producer = self._producer
        try:
            producer.produce(topic, value, key, headers=list(headers), on_delivery=on_delivery)
            self._work.set()
            await delivered
        except BufferError:
            raise NotDelivered("QUEUE_FULL") from None
        except KafkaException as error:
            raise self._failure(producer, error.args[0]) from None

    def _failure(self, producer: LibraryProducer, error: KafkaError) -> NotDelivered:
        if error.fatal() and producer is self._producer:
            self._fatal.append(producer)
            self._producer = self._make()
            self._work.set()
        return NotDelivered(error.name(), too_large=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)

    def _poll(self) -> None:
        while not self._closed:
            self._work.wait()
            self._producer.poll(POLL_S)
            for producer in list(self._fatal):
                producer.poll(0)
                if not len(producer):
                    self._fatal.remove(producer)
            if not self._in_flight():
                self._work.clear()
                if self._in_flight():
                    self._work.set()

    def _in_flight(self) -> int:
        return len(self._producer) + sum(map(len, self._fatal))

    async def close(self, timeout_s: float) -> None:
        """Wait for messages in flight, at most this long, then end the thread."""
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
