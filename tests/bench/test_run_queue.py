"""The time that a process waited for a core, from the system's counters."""

import os

import pytest

from bench.parts.run_queue import RunQueue, run_queue, waiting_share, worst_waiting_share


def test_the_share_of_waiting_counts_only_the_time_with_work() -> None:
    samples = [RunQueue(0, 5.0, 1.0), RunQueue(10, 6.0, 4.0)]

    assert waiting_share(samples) == 0.75


def test_the_time_between_the_samples_around_a_restart_does_not_count() -> None:
    samples = [RunQueue(0, 5.0, 5.0), RunQueue(1, 6.0, 6.0), RunQueue(2, 0.1, 0.1), RunQueue(3, 0.1, 1.1)]

    assert waiting_share(samples) == pytest.approx(2 / 3)


def test_among_all_seconds_the_one_with_the_largest_share_of_waiting_is_found() -> None:
    samples = [RunQueue(at, ran, waited) for at, ran, waited in [(0, 0, 0), (1, 1, 1), (2, 1.1, 1.9), (3, 2.1, 1.9)]]

    assert worst_waiting_share(samples) == pytest.approx(0.9)


def test_the_last_fraction_of_a_second_is_not_rated_as_a_second() -> None:
    samples = [RunQueue(0, 0, 0), RunQueue(1, 0.5, 0.5), RunQueue(1.2, 0.5, 0.7)]

    assert worst_waiting_share(samples) == pytest.approx(0.5)


def test_a_run_shorter_than_a_second_is_rated_as_a_whole() -> None:
    samples = [RunQueue(0, 0, 0), RunQueue(0.2, 0.1, 0.1), RunQueue(0.4, 0.1, 0.3)]

    assert worst_waiting_share(samples) == pytest.approx(0.75)


@pytest.mark.parametrize("samples", [[], [RunQueue(0, 1, 1)], [RunQueue(0, 1, 1), RunQueue(1, 1, 1)]])
def test_without_work_the_share_of_waiting_is_zero(samples: list[RunQueue]) -> None:
    assert (waiting_share(samples), worst_waiting_share(samples)) == (0, 0)


def test_the_counters_of_this_process_are_read() -> None:
    sum(range(1_000_000))

    found = run_queue(os.getpid(), at_s=3.0)

    assert found.at_s == 3.0
    assert found.ran_s > 0.001
    assert found.waited_s >= 0
