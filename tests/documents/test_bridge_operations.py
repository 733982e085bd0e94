"""Compares docs/bridge-operations.md with the code."""

import re
from typing import Any

import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bridge.commands import Mapped, Poison, Reason, SkipReason
from bridge.delivery.verdicts import CAUSES
from bridge.delivery.work import Partition
from bridge.running.metrics import OUTCOMES
from tests.bridge.running.measured import health_of
from tests.bridge.running.rig import running_rig
from tests.documents.bridge_metrics import bridge_exposition
from tests.documents.pages import table_rows
from tests.documents.runbook import fields
from tests.harness.paths import DOCS

PAGE = (DOCS / "bridge-operations.md").read_text()


def yaml_blocks() -> list[Any]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_the_page_names_every_metric_with_its_type_and_labels() -> None:
    described = {}
    for family in text_string_to_metric_families(bridge_exposition()):
        if family.name.startswith("realtime_"):
            labels = [label for label in family.samples[0].labels if label != "le"]
            name = family.name + ("_total" if family.type == "counter" else "")
            described[name + (f"{{{','.join(labels)}}}" if labels else "")] = family.type

    assert {name.strip("`"): kind for name, kind, _ in table_rows(PAGE, "Metrics")} == described


def test_the_page_names_every_outcome_of_a_record() -> None:
    [meaning] = [meaning for name, _, meaning in table_rows(PAGE, "Metrics") if "records_total" in name]

    assert set(re.findall(r"`(\w+)`", meaning)) == set(OUTCOMES)
    assert set(OUTCOMES) >= set(SkipReason)


def test_the_page_names_every_cause_of_a_retry() -> None:
    explained = {cell.strip("`"): text for cell, text in table_rows(PAGE, "Causes of retries")}

    assert list(explained) == list(CAUSES)
    assert "" not in explained.values()


def test_the_page_says_what_to_do_about_every_reason_for_a_dead_letter() -> None:
    advice = {
        reason: text for cell, text in table_rows(PAGE, "Dead letters") for reason in re.findall(r"`(\w+)`", cell)
    }

    assert advice.keys() == set(Reason)
    assert "" not in advice.values()


async def test_the_page_names_every_field_of_health() -> None:
    async with running_rig(most_dead_letters=None) as rig:
        rig.receive(Mapped((), (Poison(Reason.NOT_JSON, "line 1"),)))
        body = health_of(rig).body()

    documented = {path.strip("`"): set(kind.split(" or ")) for path, kind, *_ in table_rows(PAGE, "Health")}
    found = list(fields(body, set(documented)))
    assert {path for path, _ in found} == set(documented)
    assert [(path, kind) for path, kind in found if kind not in documented[path]] == []
    assert body["stopped"] == [{"topic": "diary", "partition": 0, "offset": 0, "reason": "no_dead_letter_topic"}]


async def test_health_is_degraded_while_kafka_does_not_answer() -> None:
    async with running_rig() as rig:
        before = health_of(rig).body()
        rig.bridge.kafka.failed("_ALL_BROKERS_DOWN")
        after = health_of(rig).body()

    assert (before["status"], after["status"]) == ("ok", "degraded")
    assert (before["kafka"], after["kafka"]) == ({"reachable": True}, {"reachable": False})


async def test_a_revoked_partition_is_removed_from_the_metric_about_stopped_partitions() -> None:
    async with running_rig() as rig:
        before = 'partition_stopped{partition="0",topic="diary"}' in generate_latest(rig.metrics.registry).decode()
        await rig.bridge.revoked([Partition("diary", 0)], lost=False)
        after = "partition_stopped{" in generate_latest(rig.metrics.registry).decode()

    assert (before, after) == (True, False)


def test_the_autoscaler_example_on_the_page_uses_metrics_that_exist() -> None:
    [scaled] = yaml_blocks()
    [trigger] = scaled["spec"]["triggers"]

    queried = set(re.findall(r"realtime_bridge_\w+", trigger["metadata"]["query"]))

    exported = {family.name for family in text_string_to_metric_families(bridge_exposition())}
    assert queried == {"realtime_bridge_lag_records", "realtime_bridge_centrifugo_outage"}
    assert queried <= exported
