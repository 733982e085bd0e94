"""What the log says about an outage of Kafka, and about partitions that it cannot serve."""

import logging

import pytest

from bridge.delivery.work import Partition
from bridge.running.reachability import Reachability, Unserved

LOST = {Partition("diary", 1): "LEADER_NOT_AVAILABLE"}
MORE = {**LOST, Partition("diary", 0): "_TIMED_OUT"}
OURS = frozenset(MORE)


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_each_of_several_alternating_errors_is_logged_once_in_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    kafka = Reachability()

    for _ in range(2):
        for error in ("_ALL_BROKERS_DOWN", "_AUTHENTICATION") * 3:
            kafka.failed(error)
        kafka.answered()

    problems = [vars(line).get("error", line.message) for line in caplog.records]
    assert problems == ["_ALL_BROKERS_DOWN", "_AUTHENTICATION", "Kafka answers again"] * 2


def test_a_partition_is_unserved_if_two_measurements_of_the_lag_in_a_row_do_not_find_its_end() -> None:
    unserved = Unserved()

    seen = []
    for errors in (LOST, {}, LOST, LOST, MORE, MORE, {}):
        unserved.note(errors, OURS - errors.keys())
        seen.append(len(unserved.partitions))

    assert seen == [0, 0, 0, 1, 1, 2, 0]


def test_unserved_partitions_are_logged_when_their_number_grows_and_when_all_are_served_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unserved = Unserved()

    for errors in (LOST, LOST, LOST, MORE, MORE, LOST, {}, {}):
        unserved.note(errors, OURS - errors.keys())

    lost, more, served = caplog.records
    assert (vars(lost)["partitions"], vars(lost)["first"]) == (1, "diary:1: LEADER_NOT_AVAILABLE")
    assert (vars(more)["partitions"], vars(more)["first"]) == (2, "diary:0: _TIMED_OUT, diary:1: LEADER_NOT_AVAILABLE")
    assert served.message == "Kafka serves all partitions again"


def test_an_unserved_partition_that_is_no_longer_ours_does_not_count_as_served_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unserved = Unserved()

    for errors, served in ((LOST, []), (LOST, []), ({}, [Partition("diary", 0)])):
        unserved.note(errors, served)

    _, end = caplog.records
    assert end.message == "this process no longer reads the partitions that Kafka could not serve"
    assert (vars(end)["partitions"], vars(end)["first"]) == (1, "diary:1")
