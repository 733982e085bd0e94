"""Writes to Kafka, and waits until the broker has the message."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bridge.commands import Headers
from bridge.kafka.errors import NotDelivered

POLL_S: Final = 0.2

logger = logging.getLogger("bridge.kafka")


class KafkaProducer:
    """A producer, and a thread that polls for delivery reports while messages are in flight."""

    def __init__(self, properties: Mapping[str, object]) -> None:
        self._properties = dict(properties)
        self._producer = Producer(self._properties, logger=logger)
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

        try:
            self._producer.produce(topic, value, key, headers=list(headers), on_delivery=on_delivery)
        except BufferError:
            raise NotDelivered("QUEUE_FULL") from None
        except KafkaException as error:
            raise self._failure(error.args[0]) from None
        self._work.set()
        try:
            await delivered
        except KafkaException as error:
            raise self._failure(error.args[0]) from None

    def _failure(self, error: KafkaError) -> NotDelivered:
        if error.fatal():
            self._producer = Producer(self._properties, logger=logger)  # the old one never sends again
        return NotDelivered(error.name(), too_large=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)

    def _poll(self) -> None:
        while not self._closed:
            self._work.wait()
            self._producer.poll(POLL_S)
            if not len(self._producer):
                self._work.clear()
                if len(self._producer):
                    self._work.set()

    async def close(self, timeout_s: float) -> None:
        """Wait for messages in flight, at most this long."""
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
