"""The lag of a consumer group, and the end offsets of partitions, from which the lag is measured."""

import json
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, TopicPartition

from bridge.delivery.work import Partition
from bridge.kafka.committed import committed_offsets
from bridge.kafka.lag import Brokers
from tests.bridge.e2e.stage import Stage
from tests.bridge.e2e.test_dead_letters import manage

pytestmark = pytest.mark.processes


async def test_an_unknown_partition_does_not_hide_the_ends_of_the_others(stage: Stage) -> None:
    known, deleted, nonexistent = Partition(stage.topic, 0), Partition("deleted", 0), Partition(stage.topic, 99)
    brokers = Brokers({"bootstrap.servers": stage.kafka.address})

    ends = [await brokers.ends(each) for each in ([known, deleted], [deleted], [nonexistent])]

    assert [(each.known, set(each.unknown)) for each in ends] == [
        ({known: 0}, {deleted}),
        ({}, {deleted}),
        ({}, {nonexistent}),
    ]


async def test_a_new_partition_of_a_topic_does_not_look_like_an_outage_of_kafka(stage: Stage) -> None:
    old, new = Partition(stage.topic, 0), Partition(stage.topic, 1)
    brokers = Brokers({"bootstrap.servers": stage.kafka.address})
    await brokers.ends([old])
    stage.kafka.grow(stage.topic, 2)

    ends = await brokers.ends([old, new])

    assert ends.known[old] == 0


def test_bridge_lag_warns_if_a_topic_of_the_routes_file_does_not_exist(stage: Stage) -> None:
    routes = stage.routes.read_text()
    stage.routes.write_text(routes.replace(f'"{stage.topic}"', f'"{stage.topic}", "no.such.topic", "^no-match"'))
    replays = f"{stage.variables['BRIDGE_DEAD_LETTER_TOPIC']}.replay"
    stage.kafka.delete(replays)
    stage.kafka.produce(stage.topic, [b"{}"])

    found = manage(stage, "bridge_lag", "--warn", "3600")

    summary, row, *absent = found.stdout.splitlines()
    assert (found.returncode, found.stderr) == (1, "")
    assert summary.startswith("BRIDGE LAG WARNING: 1 offset behind, oldest record ")
    assert row.startswith(f"  {stage.topic}:0  committed -  end 1  lag 1  oldest ")
    assert absent == [
        "  no.such.topic  does not exist, or this user may not describe it",
        "  ^no-match  matches no topic that this user may describe",
        f"  {replays}  does not exist, or this user may not describe it",
    ]


async def test_the_committed_offsets_of_a_group_are_read_while_another_consumer_is_a_member(stage: Stage) -> None:
    partitions = [Partition(stage.topic, number) for number in range(2)]
    stage.kafka.grow(stage.topic, 2)
    properties = {"bootstrap.servers": stage.kafka.address}
    member = Consumer({**properties, "group.id": stage.group, "enable.auto.commit": False})
    member.commit(offsets=[TopicPartition(stage.topic, 1, 7)], asynchronous=False)
    member.subscribe([stage.topic])

    found = await committed_offsets(properties, stage.group, partitions)
    member.close()

    assert found == {partitions[1]: 7}


def test_bridge_lag_counts_all_records_of_a_topic_that_ends_before_the_committed_offset(stage: Stage) -> None:
    """The commit belongs to an earlier topic of the same name."""
    stage.kafka.produce(stage.topic, [b"{}"] * 2)
    member = Consumer({"bootstrap.servers": stage.kafka.address, "group.id": stage.group, "enable.auto.commit": False})
    member.commit(offsets=[TopicPartition(stage.topic, 0, 7)], asynchronous=False)
    member.close()

    found = manage(stage, "bridge_lag", "--warn", "0")

    summary, _, row = found.stdout.splitlines()
    assert (found.returncode, found.stderr) == (1, "")
    assert summary.startswith("BRIDGE LAG WARNING: 2 offsets behind, oldest record ")
    assert row.startswith(f"  {stage.topic}:0  committed 7  end 2  lag 2  oldest ")


def test_bridge_lag_accepts_a_missing_replay_topic_and_a_pattern_without_topics(stage: Stage) -> None:
    stage.routes.write_text(stage.routes.read_text().replace(f'"{stage.topic}"', '"^no-match"'))

    found = manage(
        replace(stage, variables={**stage.variables, "BRIDGE_REPLAY_TOPIC": "nowhere"}), "bridge_lag", "--json"
    )

    assert found.returncode == 0
    assert json.loads(found.stdout) == {
        "state": "ok",
        "oldest_s": 0.0,
        "partitions": [],
        "unserved": [],
        "absent": ["^no-match", "nowhere"],
    }
