"""The librdkafka properties of each client."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from bridge.kafka.connection import (
    Group,
    KafkaConnection,
    Properties,
    consumer_properties,
    producer_properties,
    read_properties,
)

# Properties that librdkafka has for one kind of client only.
OF_CONSUMERS = """
check.crcs=true
consume.callback.max.messages=0
coordinator.query.interval.ms=600000
fetch.min.bytes=1
max.partition.fetch.bytes=1048576
max.poll.interval.ms=300000
queued.min.messages=1000
session.timeout.ms=20000
"""
OF_PRODUCERS = """
compression.type=lz4
delivery.timeout.ms=30000
linger.ms=5
message.send.max.retries=5
partitioner=murmur2_random
queue.buffering.max.kbytes=1000
request.timeout.ms=30000
retries=5
sticky.partitioning.linger.ms=10
transaction.timeout.ms=60000
"""


def of_consumer(connection: KafkaConnection) -> Properties:
    return consumer_properties(connection, Group("g"))


@pytest.mark.parametrize(("make", "properties"), [(Consumer, of_consumer), (Producer, producer_properties)])
@pytest.mark.parametrize("line", (OF_CONSUMERS + OF_PRODUCERS).split())
def test_no_client_gets_properties_that_it_would_ignore(
    caplog: pytest.LogCaptureFixture,
    make: Callable[..., Any],
    properties: Callable[[KafkaConnection], Properties],
    line: str,
) -> None:
    connection = KafkaConnection("", more=read_properties(line, protocol="classic"))

    client = make(properties(connection), logger=logging.getLogger("librdkafka"))
    client.poll(0)

    assert [record.getMessage() for record in caplog.records if "will be ignored" in record.getMessage()] == []
