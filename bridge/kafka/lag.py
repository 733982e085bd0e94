"""Asks the brokers which topics exist, and at which offsets their partitions begin and end."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec, TopicDescription

from bridge.delivery.work import Partition
from bridge.kafka.coordinator import TIMEOUT_S
from bridge.kafka.errors import KafkaUnreachable

# Errors of the library itself, whose codes are negative: it does not yet know the topic or the partition.
NOT_SEEN: Final = (KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
NO_LEADER: Final = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)

logger = logging.getLogger("bridge.kafka")


class Offsets(NamedTuple):
    """`known` has offsets. `unknown` has the name of Kafka's error for each partition that cannot be served now."""

    known: dict[Partition, int]
    unknown: dict[Partition, str]


class Brokers:
    """Asks Kafka with an admin client, which `make` makes. Each method raises KafkaUnreachable.

    The consumer also knows where its partitions end, but only while it reads. In an outage of Centrifugo it is paused.
    """

    def __init__(self, properties: Mapping[str, str | int | bool], *, make: Callable[..., Any] = AdminClient) -> None:
        self._refusal = ""
        self._admin = make({**properties, "error_cb": self._on_error}, logger=logger)

    def _on_error(self, error: KafkaError) -> None:
        """Remember why the brokers refuse this client, because the calls themselves only time out."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._refusal = error.name()

    async def topics(self, timeout_s: float = TIMEOUT_S) -> dict[str, int]:
        """All topics that this user can see, with their numbers of partitions."""
        self._refusal = ""
        try:
            metadata = await asyncio.to_thread(self._admin.list_topics, timeout=timeout_s)
        except KafkaException as error:
            self._admin.poll(0)
            raise KafkaUnreachable(self._refusal or error.args[0].name()) from None
        self._admin.poll(0)
        return {name: len(topic.partitions) for name, topic in metadata.topics.items() if topic.error is None}

    async def identities(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each of these topics that exists and that this user may describe.

        A topic that is deleted and created again has another id. All ids are equal with brokers older than 2.8.
        """
        futures = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=TIMEOUT_S)
        answers = await asyncio.gather(*map(asyncio.wrap_future, futures.values()), return_exceptions=True)
        self._admin.poll(0)
        found = zip(futures, answers, strict=True)
        return {name: str(answer.topic_id) for name, answer in found if isinstance(answer, TopicDescription)}

    async def ends(self, partitions: Iterable[Partition]) -> Offsets:
        """The offset after the last readable record of each partition, excluding open transactions."""
        return await self._offsets(partitions, OffsetSpec.latest())

    async def beginnings(self, partitions: Iterable[Partition]) -> Offsets:
        """The offset of the oldest record of each partition."""
        return await self._offsets(partitions, OffsetSpec.earliest())

    async def _offsets(self, partitions: Iterable[Partition], spec: OffsetSpec) -> Offsets:
        answers = await self._answers(partitions, spec)
        found = _offsets_of(answers)
        if not found.unknown:
            return found
        if not found.known and (outage := _outage(answers.values())):
            raise KafkaUnreachable(self._refusal or outage)
        # The library asks the leaders that it knows. Only `topics` makes it learn about new leaders.
        await self.topics()
        again = _offsets_of(await self._answers(found.unknown, spec))
        return Offsets(found.known | again.known, again.unknown)

    async def _answers(self, partitions: Iterable[Partition], spec: OffsetSpec) -> dict[Partition, int | KafkaError]:
        """Each partition's offset, or why it is not known."""
        wanted = {TopicPartition(topic, number): spec for topic, number in partitions}
        if not wanted:
            return {}
        futures = self._admin.list_offsets(
            wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT_S
        )
        answers = await asyncio.gather(*map(_offset, futures.values()))
        self._admin.poll(0)
        return {Partition(where.topic, where.partition): each for where, each in zip(futures, answers, strict=True)}


async def _offset(future: Future[ListOffsetsResultInfo]) -> int | KafkaError:
    """The offset, or why it is not known.

    If the library cannot reach a partition's leader, it returns an offset below 0 and no error. If it knows no leader,
    its error is _NOENT.
    """
    try:
        offset = (await asyncio.wrap_future(future)).offset
    except KafkaException as failure:
        error: KafkaError = failure.args[0]
        return NO_LEADER if error.code() == KafkaError._NOENT else error
    return offset if offset >= 0 else NO_LEADER


def _offsets_of(answers: Mapping[Partition, int | KafkaError]) -> Offsets:
    return Offsets(
        {partition: answer for partition, answer in answers.items() if isinstance(answer, int)},
        {partition: answer.name() for partition, answer in answers.items() if not isinstance(answer, int)},
    )


def _outage(answers: Iterable[int | KafkaError]) -> str:
    """The name of the library's first own error that is not about a single partition; "" if there is none."""
    errors = [answer for answer in answers if isinstance(answer, KafkaError)]
    return next((error.name() for error in errors if error.code() < 0 and error.code() not in NOT_SEEN), "")
