"""The ends of partitions, which the lag is measured from."""

import pytest

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.lag import Brokers
from tests.bridge.e2e.stage import Stage

pytestmark = pytest.mark.processes


async def test_an_unknown_partition_does_not_hide_the_ends_of_the_others(stage: Stage) -> None:
    known, deleted, nonexistent = Partition(stage.topic, 0), Partition("deleted", 0), Partition(stage.topic, 99)
    brokers = Brokers({"bootstrap.servers": stage.kafka.address})

    ends = [await brokers.known_ends(each) for each in ([known, deleted], [deleted], [nonexistent])]

    assert ends == [{known: 0}, {}, {}]
    with pytest.raises(KafkaUnreachable, match=r"^UNKNOWN_TOPIC_OR_PART$"):
        await brokers.ends([known, deleted])
