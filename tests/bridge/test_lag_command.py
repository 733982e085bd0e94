"""What `bridge_lag` prints about partitions that Kafka cannot serve. These tests need no Kafka."""

import io
import json
from collections.abc import Sequence

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from bridge.delivery.work import Partition
from bridge.kafka.errors import KafkaUnreachable
from bridge.lag_report import Lags, Row
from bridge.management.commands.bridge_lag import Command
from tests.harness.paths import ROOT

SERVED = Row("diary", 0, 3, 5, 2, 500.0)


class UnservedLag(Command):
    """A command that finds one partition behind, and another without a leader."""

    def lags(self, topics: Sequence[str]) -> Lags:
        return Lags([SERVED], {Partition("diary", 1): "LEADER_NOT_AVAILABLE"}, [])


class UnreachableLag(Command):
    """A command whose Kafka does not answer."""

    def lags(self, topics: Sequence[str]) -> Lags:
        raise KafkaUnreachable("does not answer")


def output_of(*options: str) -> tuple[object, str]:
    output = io.StringIO()
    routes = str(ROOT / "routes.example" / "routes.toml")
    with override_settings(BRIDGE_ROUTES_PATH=routes), pytest.raises(SystemExit) as ended:
        call_command(UnservedLag(stdout=output), *options)
    return ended.value.code, output.getvalue()


def test_a_partition_without_a_leader_makes_the_state_unknown_and_the_others_are_still_shown() -> None:
    code, output = output_of()

    assert code == 3
    assert output.splitlines()[1:] == [
        "  diary:0  committed 3  end 5  lag 2  oldest 500 s",
        "  diary:1  lag unknown: Kafka cannot serve it now (LEADER_NOT_AVAILABLE); look at the brokers",
    ]


def test_a_partition_without_a_leader_does_not_hide_that_another_partition_is_far_behind() -> None:
    code, output = output_of("--critical", "499")

    assert (code, output.splitlines()[0]) == (2, "BRIDGE LAG CRITICAL: 2 offsets behind, oldest record 500 s")


def test_the_json_output_lists_the_partitions_that_kafka_cannot_serve() -> None:
    code, output = output_of("--json")

    assert (code, json.loads(output)) == (
        3,
        {
            "state": "unknown",
            "oldest_s": 500.0,
            "partitions": [SERVED._asdict()],
            "unserved": [{"topic": "diary", "partition": 1, "error": "LEADER_NOT_AVAILABLE"}],
            "absent": [],
        },
    )


@pytest.mark.parametrize("routes", ["", "/nowhere.toml", str(ROOT / "routes.example" / "routes.toml")])
def test_the_json_output_has_all_its_keys_even_if_nothing_can_be_measured(routes: str) -> None:
    output, errors = io.StringIO(), io.StringIO()

    with override_settings(BRIDGE_ROUTES_PATH=routes), pytest.raises((CommandError, SystemExit)) as ended:
        call_command(UnreachableLag(stdout=output, stderr=errors), "--json")

    assert json.loads(output.getvalue()) == {
        "state": "unknown",
        "oldest_s": None,
        "partitions": [],
        "unserved": [],
        "absent": [],
    }
    assert isinstance(ended.value, CommandError) or "does not answer" in errors.getvalue()
