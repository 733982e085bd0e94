"""Requests to the coordinator of a group: one of the brokers. When it restarts, another broker takes over."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

TIMEOUT_S: Final = 10.0
RETRY_S: Final = 0.2
# The errors while the coordinator moves to another broker, which takes seconds. They also occur when Kafka chooses the
# coordinator of a new group.
MOVING: Final = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
T = TypeVar("T")


async def answer(ask: Callable[[], Awaitable[T]], timeout_s: float = TIMEOUT_S) -> T:
    """The coordinator's answer. Raises KafkaException.

    While the coordinator moves, `ask` is called again for up to `timeout_s`.
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            return await ask()
        except KafkaException as failure:
            if failure.args[0].code() not in MOVING or time.monotonic() > until:
                raise
        await asyncio.sleep(RETRY_S)
