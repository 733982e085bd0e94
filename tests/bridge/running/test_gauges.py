"""What a measurement of the lag shows about Kafka: whether it answers, and which partitions it cannot serve."""

from types import SimpleNamespace

import pytest

from bridge.commands import Mapped
from bridge.delivery.work import Partition
from bridge.kafka.errors import NotDelivered
from bridge.running.gauges import measure_lag, refresh
from tests.bridge.made import POISON
from tests.bridge.running.measured import FakeBrokers, Measured, health_of
from tests.bridge.running.rig import PARTITION, Rig, running_rig, status
from tests.harness.waiting import until


class OwnNames:
    """Each topic's label is its name."""

    all = (PARTITION.topic,)

    def of(self, topic: str) -> str:
        return topic


@pytest.mark.parametrize("assigned", [[], [PARTITION]])
async def test_kafka_counts_as_unreachable_if_it_is_down_and_no_end_offset_is_known(
    assigned: list[Partition],
) -> None:
    async with running_rig() as rig:
        await rig.bridge.revoked([PARTITION], lost=True)
        rig.bridge.assigned(assigned)
        await measure_lag(Measured(rig.bridge, rig.metrics, FakeBrokers(down=True), None))

    assert rig.bridge.kafka.reachable is False


async def test_a_bridge_without_partitions_notices_that_kafka_answers_again() -> None:
    async with running_rig() as rig:
        await rig.bridge.revoked([PARTITION], lost=True)
        rig.bridge.kafka_failed("_ALL_BROKERS_DOWN")
        await measure_lag(Measured(rig.bridge, rig.metrics, FakeBrokers(), None))

    assert rig.bridge.kafka.reachable is True


@pytest.mark.parametrize("known", [{}, {PARTITION: 5}])
async def test_a_partition_that_kafka_cannot_serve_degrades_the_bridge(known: dict[Partition, int]) -> None:
    async with running_rig() as rig:
        health = health_of(rig)
        parts = Measured(rig.bridge, rig.metrics, FakeBrokers(known), OwnNames(), rig.gate, rig.sender, health)
        for _ in range(2):
            await measure_lag(parts)
        refresh(parts)
        body = health.body()
        exported = rig.value("unserved_partitions", topic=PARTITION.topic)

    missing = 0 if known else 1
    assert (body["unserved"], body["status"], exported) == (missing, "degraded" if missing else "ok", missing)
    assert body["kafka"] == {"reachable": True}


async def test_a_dead_letter_that_kafka_does_not_accept_degrades_the_bridge_until_it_is_delivered() -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("TOPIC_AUTHORIZATION_FAILED")] * 10_000
        rig.receive(Mapped((), (POISON,)))
        await until(lambda: undelivered(rig)[0] == 1)
        waiting = undelivered(rig)
        rig.writer.script.clear()
        await rig.until_done(1)
        delivered = undelivered(rig)

    assert (waiting, delivered) == ((1, "degraded", 1), (0, "ok", 0))


async def test_an_undelivered_dead_letter_of_a_partition_that_has_moved_does_not_degrade_the_bridge() -> None:
    async with running_rig() as rig:
        rig.writer.script = [NotDelivered("TOPIC_AUTHORIZATION_FAILED")] * 10_000
        rig.receive(Mapped((), (POISON,)))
        await until(lambda: undelivered(rig)[0] == 1)
        await rig.bridge.revoked([PARTITION], lost=True)

        assert undelivered(rig) == (0, "ok", 0)


def undelivered(rig: Rig) -> tuple[int, str, float]:
    """The undelivered dead letters in /health, the status there, and the gauge."""
    health = health_of(rig)
    refresh(Measured(rig.bridge, rig.metrics, FakeBrokers(), OwnNames(), rig.gate, rig.sender, health))
    body = health.body()
    return body["undelivered_dead_letters"], body["status"], rig.value("undelivered_dead_letters")


async def test_the_lag_is_known_before_any_record_is_done() -> None:
    async with running_rig() as rig:
        rig.centrifugo.script = [status(503)] * 10_000
        rig.receive_publications("a", "b")
        await measure_lag(Measured(rig.bridge, rig.metrics, FakeBrokers({PARTITION: 40}), OwnNames()))
        in_the_outage = rig.value("lag_records", topic=PARTITION.topic, partition="0")

    assert in_the_outage == 40


def exported_outage(rig: Rig) -> float:
    """The value of the gauge `kafka_outage` in a scrape."""
    health = SimpleNamespace(poll_age_s=0.0)
    refresh(Measured(rig.bridge, rig.metrics, None, OwnNames(), rig.gate, rig.sender, health))
    return rig.value("kafka_outage")


async def test_an_outage_of_kafka_is_exported_until_kafka_answers() -> None:
    async with running_rig() as rig:
        before = exported_outage(rig)
        rig.bridge.kafka_failed("_ALL_BROKERS_DOWN")
        meanwhile = exported_outage(rig)
        rig.bridge.kafka.answered()
        afterwards = exported_outage(rig)

    assert (before, meanwhile, afterwards) == (0, 1, 0)
