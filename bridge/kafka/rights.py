"""Asks the brokers which operations this user may perform. Nothing is written or read."""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from bridge.kafka.coordinator import TIMEOUT_S, answer
from bridge.kafka.errors import NO_RIGHT, KafkaUnreachable

# The errors of brokers that cannot list operations, such as brokers of Kafka 2.2.
UNLISTED: Final = (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION)

logger = logging.getLogger("bridge.kafka")


class Rights:
    """The names of the allowed operations, such as READ.

    The methods return None if Kafka does not list operations. They raise KafkaUnreachable.
    """

    def __init__(self, properties: Mapping[str, str | int | bool]) -> None:
        self._admin = AdminClient(dict(properties), logger=logger)

    async def on_topics(self, topics: Collection[str]) -> dict[str, frozenset[str] | None]:
        """The operations on each of these topics."""
        if not topics:
            return {}
        asked = self._admin.describe_topics(
            TopicCollection(list(topics)), include_authorized_operations=True, request_timeout=TIMEOUT_S
        )
        return {topic: await _operations(topic, asyncio.wrap_future(future)) for topic, future in asked.items()}

    async def on_group(self, group: str) -> frozenset[str] | None:
        """The operations on a consumer group. The group need not exist."""

        async def ask() -> Any:
            asked = self._admin.describe_consumer_groups(
                [group], include_authorized_operations=True, request_timeout=TIMEOUT_S
            )
            return await asyncio.wrap_future(asked[group])

        return await _operations(group, answer(ask))


async def _operations(name: str, described: Awaitable[Any]) -> frozenset[str] | None:
    """The operations in a description; an empty set if Kafka refuses to describe the topic or group."""
    try:
        operations = (await described).authorized_operations
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
        if error.code() in UNLISTED:
            return None
        if error.name().endswith(NO_RIGHT):
            return frozenset()
        raise KafkaUnreachable(f"{name}: {error.name()}") from None
    return None if operations is None else frozenset(operation.name for operation in operations)
