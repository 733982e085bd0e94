"""Asks the brokers for the committed offsets of a group."""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bridge.delivery.work import Partition
from bridge.kafka.coordinator import TIMEOUT_S, answer
from bridge.kafka.errors import NO_RIGHT, KafkaUnreachable
from bridge.kafka.messages import topic_partitions
from bridge.kafka.rights import Rights

logger = logging.getLogger("bridge.kafka")


async def committed_offsets(
    properties: Mapping[str, str | int | bool], group: str, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """The group's offset in each partition that has one. Raises KafkaUnreachable.

    The request comes from a consumer that does not join the group. The library's admin client could send it too. But in
    librdkafka 2.16.0, the admin client crashes the process (segmentation fault) when the coordinator moves or cannot
    replicate the group's commits.
    """
    # Without this check, the consumer would wait for TIMEOUT_S.
    if await Rights(properties).on_group(group) == frozenset():
        raise KafkaUnreachable(f"{group}: GROUP_{NO_RIGHT}")
    own = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_committed"}
    consumer = Consumer({**properties, **own}, logger=logger)
    wanted = topic_partitions(partitions)

    async def ask() -> list[TopicPartition]:
        return await asyncio.to_thread(consumer.committed, wanted, TIMEOUT_S)

    try:
        found = await answer(ask) if wanted else []
    except KafkaException as failure:
        raise KafkaUnreachable(f"{group}: {failure.args[0].name()}") from None
    finally:
        await asyncio.to_thread(consumer.close)
    for each in found:
        if each.error is not None:
            raise KafkaUnreachable(f"{group}: {each.error.name()}")
    return {Partition(each.topic, each.partition): each.offset for each in found if each.offset >= 0}
