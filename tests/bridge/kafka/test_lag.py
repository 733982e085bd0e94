"""The end offsets of partitions, from a scripted admin client. tests/bridge/e2e uses the real one."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ClusterMetadata, ListOffsetsResultInfo

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.lag import Brokers

DIARY = [Partition("diary", number) for number in range(3)]
UNREACHED = -1001  # the library's offset for a partition whose leader it cannot reach


@dataclass
class ScriptedAdmin:
    """Answers each request with the next list, in the order of the partitions.

    `refreshed` counts the requests for metadata.
    """

    answers: list[list[int | KafkaError]]
    refreshed: int = 0

    def __call__(self, properties: Any, logger: Any) -> "ScriptedAdmin":
        return self

    def list_offsets(self, wanted: dict[TopicPartition, Any], **options: Any) -> dict[TopicPartition, Future[Any]]:
        return dict(zip(wanted, map(_answered, self.answers.pop(0)), strict=True))

    def list_topics(self, timeout: float) -> ClusterMetadata:
        self.refreshed += 1
        return ClusterMetadata()

    def poll(self, timeout: float) -> None:
        """Nothing to report."""


def _answered(answer: int | KafkaError) -> Future[Any]:
    future: Future[Any] = Future()
    if isinstance(answer, int):
        future.set_result(ListOffsetsResultInfo(answer, -1, -1))
    else:
        future.set_exception(KafkaException(answer))
    return future


@pytest.mark.parametrize("error", [UNREACHED, *map(KafkaError, (KafkaError.LEADER_NOT_AVAILABLE, KafkaError._NOENT))])
async def test_a_partition_whose_leader_is_missing_or_cannot_be_reached_has_an_unknown_end(
    error: int | KafkaError,
) -> None:
    brokers = Brokers({}, make=ScriptedAdmin([[7, error, 0], [error]]))

    ends = await brokers.ends(DIARY)

    assert ends == ({DIARY[0]: 7, DIARY[2]: 0}, {DIARY[1]: "LEADER_NOT_AVAILABLE"})


async def test_after_a_change_of_leader_the_metadata_is_refreshed_and_the_end_is_requested_again() -> None:
    fenced = KafkaError(KafkaError.FENCED_LEADER_EPOCH)
    admin = ScriptedAdmin([[7, fenced, fenced], [8, 9]])

    ends = await Brokers({}, make=admin).ends(DIARY)

    assert (ends, admin.refreshed) == ((dict(zip(DIARY, (7, 8, 9), strict=True)), {}), 1)


async def test_one_broker_that_does_not_answer_does_not_count_as_an_outage_of_kafka() -> None:
    timeout = KafkaError(KafkaError._TIMED_OUT)

    ends = await Brokers({}, make=ScriptedAdmin([[0, timeout, timeout], [timeout, timeout]])).ends(DIARY)

    assert ends == ({DIARY[0]: 0}, dict.fromkeys(DIARY[1:], "_TIMED_OUT"))


async def test_kafka_is_unreachable_if_the_library_gets_no_answer_for_any_partition() -> None:
    errors = [KafkaError.LEADER_NOT_AVAILABLE, KafkaError._TIMED_OUT, KafkaError._TIMED_OUT]

    with pytest.raises(KafkaUnreachable, match=r"^_TIMED_OUT$"):
        await Brokers({}, make=ScriptedAdmin([[KafkaError(error) for error in errors]])).ends(DIARY)
