"""Asks the brokers for topics, the beginnings and ends of partitions, and the committed offsets of a group."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable

TIMEOUT_S: Final = 10.0
# The library's own errors are negative. These mean that a partition has no leader, or that the client has not yet seen
# the topic or its new partition.
NOT_KNOWN: Final = (KafkaError._NOENT, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)

logger = logging.getLogger("bridge.kafka")


class Brokers:
    """Asks Kafka with an admin client. Each method raises KafkaUnreachable.

    The consumer knows the ends of its partitions too, but not while it is paused, as in an outage of Centrifugo.
    """

    def __init__(self, properties: Mapping[str, str | int | bool]) -> None:
        self._refusal = ""
        own: dict[str, Any] = {**properties, "error_cb": self._on_error}
        self._admin = AdminClient(own, logger=logger)

    def _on_error(self, error: KafkaError) -> None:
        """Remember why the brokers refuse this client, because the calls themselves only time out."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._refusal = error.name()

    async def topics(self, timeout_s: float = TIMEOUT_S) -> dict[str, int]:
        """All visible topics, with their number of partitions."""
        self._refusal = ""
        try:
            metadata = await asyncio.to_thread(self._admin.list_topics, timeout=timeout_s)
        except KafkaException as error:
            self._admin.poll(0)
            raise KafkaUnreachable(self._refusal or error.args[0].name()) from None
        self._admin.poll(0)
        return {name: len(topic.partitions) for name, topic in metadata.topics.items() if topic.error is None}

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset after the last readable record, excluding open transactions."""
        return await self._offsets(partitions, OffsetSpec.latest())

    async def known_ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The same, without partitions that Kafka does not know or cannot serve, such as those of a deleted topic."""
        return await self._offsets(partitions, OffsetSpec.latest(), strict=False)

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset of the oldest record."""
        return await self._offsets(partitions, OffsetSpec.earliest())

    async def _offsets(
        self, partitions: Iterable[Partition], spec: OffsetSpec, *, strict: bool = True
    ) -> dict[Partition, int]:
        wanted = {TopicPartition(topic, number): spec for topic, number in partitions}
        if not wanted:
            return {}
        futures = self._admin.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT_S
        )
        answers = await self._all(futures.values(), strict=strict)
        self._admin.poll(0)
        return {
            Partition(where.topic, where.partition): answer.offset
            for where, answer in zip(futures, answers, strict=True)
            if answer is not None
        }

    async def committed(self, group: str) -> dict[Partition, int]:
        """The group's committed offsets in all topics."""
        futures = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], require_stable=True, request_timeout=TIMEOUT_S
        )
        [answer] = await self._all(futures.values())
        self._admin.poll(0)
        found = answer.topic_partitions
        return {Partition(each.topic, each.partition): each.offset for each in found if each.offset >= 0}

    async def _all(self, futures: Iterable[Future[Any]], *, strict: bool = True) -> list[Any]:
        """The results; None for one that Kafka refuses, unless `strict`."""
        return await asyncio.gather(*(self._result(future, strict=strict) for future in futures))

    async def _result(self, future: Future[Any], *, strict: bool) -> Any:
        try:
            return await asyncio.wrap_future(future)
        except KafkaException as failure:
            error = failure.args[0]
            if strict or (error.code() < 0 and error.code() not in NOT_KNOWN):
                raise KafkaUnreachable(error.name()) from None
            return None
