"""Reading a range of a topic while connections break, with a scripted consumer. tests/bridge/e2e uses the real one."""

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.reader import TopicReader

LETTERS = Partition("letters", 0)
PATIENT_S = 20.0
IMPATIENT_S = 0.2
# What the library reports while it connects to the next address of a broker, or while a partition gets a new leader.
PASSING = [
    *(KafkaError._TRANSPORT, KafkaError._DESTROY_BROKER, KafkaError._ALL_BROKERS_DOWN),
    *(KafkaError._UNKNOWN_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION),
    *(KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH),
]


class ScriptedConsumer:
    """A consumer of a topic with the offsets 0 and 1. It reports each error of `errors` once, and then answers."""

    def __init__(self, errors: Iterator[int]) -> None:
        self._errors = errors
        self._next = 0

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        for error in self._errors:
            raise KafkaException(KafkaError(error))
        return 0, 2

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._next = partitions[0].offset

    def poll(self, timeout: float) -> Message | None:
        for error in self._errors:
            return Message(error=KafkaError(error))
        self._next += 1
        return Message(topic="letters", partition=0, offset=self._next - 1, value=b"{}")


def forever(error: int) -> Iterator[int]:
    while True:
        yield error


@pytest.mark.parametrize("error", PASSING)
def test_reading_continues_after_errors_that_pass(error: int) -> None:
    bounds = TopicReader(ScriptedConsumer(iter([error, error])), PATIENT_S).bounds(LETTERS)
    records = TopicReader(ScriptedConsumer(iter([error, error])), PATIENT_S).forward(LETTERS, *bounds)

    assert [record.offset for record in records] == [0, 1]


@pytest.mark.parametrize("error", PASSING)
def test_an_error_that_does_not_pass_ends_reading_after_the_timeout(error: int) -> None:
    reader = TopicReader(ScriptedConsumer(forever(error)), IMPATIENT_S)

    with pytest.raises(KafkaUnreachable, match=f"^letters:0: {KafkaError(error).name()}$"):
        reader.bounds(LETTERS)
    with pytest.raises(KafkaUnreachable, match=r"^letters:0: _TIMED_OUT$"):
        list(reader.forward(LETTERS, 0, 2))


def test_a_refusal_ends_reading_at_once() -> None:
    refusal = KafkaError.TOPIC_AUTHORIZATION_FAILED

    with pytest.raises(KafkaUnreachable, match=r"^letters:0: TOPIC_AUTHORIZATION_FAILED$"):
        TopicReader(ScriptedConsumer(iter([refusal])), PATIENT_S).bounds(LETTERS)
    with pytest.raises(KafkaUnreachable, match=r"^letters:0: TOPIC_AUTHORIZATION_FAILED$"):
        list(TopicReader(ScriptedConsumer(iter([refusal])), PATIENT_S).forward(LETTERS, 0, 2))
