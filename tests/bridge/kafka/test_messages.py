"""How a message of the Kafka library becomes a record."""

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from bridge.kafka.messages import record_of


@pytest.mark.parametrize(("written", "seen"), [(-5, -1), (-1, -1), (0, 0), (2**62, 2**62)])
def test_any_negative_timestamp_becomes_minus_one(written: int, seen: int) -> None:
    message = Message(topic="entries", partition=0, offset=7, value=b"{}", timestamp=(TIMESTAMP_CREATE_TIME, written))

    assert record_of(message).timestamp == seen
