"""Metrics of topics that match a pattern: the pattern is their label, so several partitions share a series."""

from prometheus_client import generate_latest

from bridge.commands import Mapped
from bridge.delivery.work import Partition
from bridge.kafka.reading import EndOfPartition
from bridge.running.gauges import measure_lag
from tests.bridge.made import POISON
from tests.bridge.running.measured import FakeBrokers, Measured
from tests.bridge.running.rig import PARTITION, running_rig

SAME_NUMBER = Partition("diary-2", 0)


def labelled(topic: str) -> str:
    return "^diary"


class OneLabel:
    """All topics have the same label."""

    def of(self, topic: str) -> str:
        return labelled(topic)


async def test_a_series_shows_its_stopped_partition_while_its_other_partition_is_assigned_and_revoked() -> None:
    async with running_rig(most_dead_letters=None, label=labelled) as rig:
        rig.receive(Mapped((), (POISON,)))
        rig.bridge.assigned([SAME_NUMBER])
        assigned = rig.value("partition_stopped", topic="^diary", partition="0")
        await rig.bridge.revoked([SAME_NUMBER], lost=False)
        revoked = rig.value("partition_stopped", topic="^diary", partition="0")

    assert (assigned, revoked) == (1, 1)


async def test_revoking_the_stopped_partition_sets_the_series_to_zero_and_revoking_the_last_one_removes_it() -> None:
    async with running_rig(most_dead_letters=None, label=labelled) as rig:
        rig.receive(Mapped((), (POISON,)))
        rig.bridge.assigned([SAME_NUMBER])
        await rig.bridge.revoked([PARTITION], lost=False)
        other_stays = rig.value("partition_stopped", topic="^diary", partition="0")
        await rig.bridge.revoked([SAME_NUMBER], lost=False)
        page = generate_latest(rig.metrics.registry).decode()

    assert other_stays == 0
    assert "partition_stopped{" not in page


async def test_the_lag_of_partitions_with_the_same_number_is_added_up() -> None:
    brokers = FakeBrokers({PARTITION: 13, SAME_NUMBER: 24})
    async with running_rig(label=labelled) as rig:
        rig.bridge.assigned([SAME_NUMBER])
        rig.hand_over(EndOfPartition(PARTITION, 10), EndOfPartition(SAME_NUMBER, 20))
        await measure_lag(Measured(rig.bridge, rig.metrics, brokers, OneLabel()))
        lag = rig.value("lag_records", topic="^diary", partition="0")

    assert lag == 3 + 4
