"""The outage detector alone. Time is an argument, so the tests are exact.

A streak is a series of failures that no answer to a client interrupts. The window is FALLBACK_DEGRADED_WINDOW_MS.
"""

import pytest

from fallback.outage import OutageDetector, OutageEnded, OutageOpened, OutageStatus

WINDOW_S = 5


class Calls:
    """A detector with a window of five seconds. Each call starts and ends at the same moment."""

    def __init__(self, *, probing: bool = True) -> None:
        self.detector = OutageDetector(WINDOW_S, probing=probing)

    def fail(self, *moments: float) -> list[OutageOpened | None]:
        """Clients' calls that fail at these moments."""
        return [self.detector.failed(self.detector.call_started(), now) for now in moments]

    def answer(self, now: float) -> OutageEnded | None:
        return self.detector.answered(self.detector.call_started(), now)

    def fail_probes(self, *moments: float) -> list[OutageOpened | None]:
        return [self.detector.probe_failed(self.detector.call_started(), now) for now in moments]

    def answer_probes(self, *moments: float) -> list[OutageEnded | None]:
        return [self.detector.probe_answered(self.detector.call_started(), now) for now in moments]


@pytest.fixture
def calls() -> Calls:
    return Calls()


def test_a_new_detector_sees_no_outage(calls: Calls) -> None:
    assert calls.detector.status(1000) == OutageStatus(
        degraded=False, consecutive_failure_count=0, duration_s=None, recovering=False
    )
    assert not calls.detector.failing


def test_one_failure_without_further_calls_is_not_an_outage(calls: Calls) -> None:
    calls.fail(0)

    assert calls.detector.status(3600) == OutageStatus(False, 1, 3600, False, last_failure_age_s=3600)


@pytest.mark.parametrize("probing", [True, False])
@pytest.mark.parametrize(("second_s", "degraded"), [(0, False), (4.999, False), (5, False), (5.001, True), (1e9, True)])
def test_a_failure_after_the_window_opens_an_outage(second_s: float, degraded: bool, probing: bool) -> None:
    calls = Calls(probing=probing)

    calls.fail(0, second_s)

    assert calls.detector.degraded is degraded
    assert calls.detector.status(second_s).consecutive_failure_count == 2


def test_a_failed_probe_opens_an_outage_like_a_clients_failure(calls: Calls) -> None:
    calls.fail(0)

    opened = calls.fail_probes(1, 2, 3, 4, 5, 6, 7)

    assert opened == [None] * 5 + [OutageOpened(failures=7, duration_s=6), None]
    assert calls.detector.degraded


def test_the_opening_is_reported_once(calls: Calls) -> None:
    assert calls.fail(0, 5, 6, 7) == [None, None, OutageOpened(failures=3, duration_s=6), None]


def test_the_end_of_an_outage_is_reported_once_with_the_duration_of_the_failures(calls: Calls) -> None:
    calls.fail(0, 6)

    assert [calls.answer(now) for now in (7, 8)] == [OutageEnded(failures=2, duration_s=6, quiet_s=1), None]


def test_the_time_after_the_last_failure_does_not_count_as_outage() -> None:
    calls = Calls(probing=False)
    calls.fail(0, 6)

    assert calls.answer(3600) == OutageEnded(failures=2, duration_s=6, quiet_s=3594)


def test_the_end_of_a_short_streak_is_not_reported(calls: Calls) -> None:
    calls.fail(0)

    assert calls.answer(5) is None
    assert calls.detector.status(5) == OutageStatus(False, 0, None, False, 5, 0)


def test_a_new_streak_starts_its_own_window(calls: Calls) -> None:
    calls.fail(0)
    calls.answer(4)

    calls.fail(4.5, 9.5)
    before = calls.detector.degraded
    calls.fail(9.6)

    assert (before, calls.detector.degraded) == (False, True)


def test_the_late_failure_of_an_older_call_starts_no_new_streak(calls: Calls) -> None:
    old = calls.detector.call_started()
    calls.fail(0)
    calls.answer(1)

    calls.detector.failed(old, 2)

    assert not calls.detector.failing


def test_the_late_failure_of_an_older_call_does_not_lengthen_a_new_streak(calls: Calls) -> None:
    old, old_probe = calls.detector.call_started(), calls.detector.call_started()
    calls.fail(0)
    calls.answer(1)
    calls.fail(2)

    calls.detector.failed(old, 3)
    calls.detector.probe_failed(old_probe, 3)

    assert calls.detector.status(3).consecutive_failure_count == 1


def test_after_a_late_answer_an_older_failure_still_starts_no_streak(calls: Calls) -> None:
    older, old = calls.detector.call_started(), calls.detector.call_started()
    calls.fail(0)
    calls.answer(1)
    calls.fail(2)
    calls.detector.answered(older, 3)

    calls.detector.failed(old, 4)

    assert not calls.detector.failing


def test_the_failure_of_a_call_that_started_after_the_answered_one_counts(calls: Calls) -> None:
    calls.fail(0)
    answering, younger = calls.detector.call_started(), calls.detector.call_started()
    calls.detector.answered(answering, 1)

    calls.detector.failed(younger, 2)

    assert calls.detector.status(2).consecutive_failure_count == 1


def test_a_failed_probe_starts_no_streak(calls: Calls) -> None:
    calls.fail_probes(0, 6)

    assert calls.detector.status(6) == OutageStatus(False, 0, None)


def test_an_answered_probe_marks_a_degraded_outage_as_recovering(calls: Calls) -> None:
    calls.fail(0, 6)
    while_degraded = calls.detector.calls_identity

    calls.answer_probes(7)

    assert (while_degraded, calls.detector.calls_identity) == (False, True)
    assert calls.detector.status(7) == OutageStatus(False, 2, 7, True, last_failure_age_s=1, last_answer_age_s=0)


def test_in_a_recovering_outage_the_next_failure_of_a_client_opens_the_pool_again_at_once(calls: Calls) -> None:
    calls.fail(0, 6)
    calls.answer_probes(7)

    assert calls.fail(7.5) == [None]
    assert calls.detector.status(8) == OutageStatus(True, 3, 8, False, last_failure_age_s=0.5, last_answer_age_s=1)


def test_the_next_answer_to_a_client_ends_a_recovering_outage(calls: Calls) -> None:
    calls.fail(0, 6)
    calls.answer_probes(7)

    assert calls.answer(7.5) == OutageEnded(failures=2, duration_s=6, quiet_s=1.5)


def test_probes_that_are_answered_for_a_whole_window_end_the_streak(calls: Calls) -> None:
    calls.fail(0, 6)

    ended = calls.answer_probes(7, 8, 9, 10, 11, 12, 13)

    assert ended == [None] * 5 + [OutageEnded(failures=2, duration_s=6, quiet_s=6), None]
    assert not calls.detector.failing


def test_a_failed_probe_between_answered_ones_restarts_their_window(calls: Calls) -> None:
    calls.fail(0)
    calls.answer_probes(1, 2, 3, 4, 5)
    calls.fail_probes(5.5)

    calls.answer_probes(6, 7, 8, 9, 10)
    before = calls.detector.failing
    calls.answer_probes(11)

    assert (before, calls.detector.failing) == (True, False)


def test_two_unrelated_failures_do_not_open_the_pool(calls: Calls) -> None:
    calls.fail(0)
    calls.answer_probes(1, 2, 3, 4, 5, 6)

    assert calls.fail(3600) == [None]
    assert calls.detector.status(3600) == OutageStatus(False, 1, 0, False, 0, 3594)


def test_a_failed_probe_among_answered_ones_does_not_open_the_pool(calls: Calls) -> None:
    calls.fail(0)
    for now in range(1, 60, 2):
        calls.answer_probes(now)
        calls.fail_probes(now + 1)

    assert not calls.detector.degraded


def test_after_an_answered_probe_only_the_second_failed_client_opens_the_pool(calls: Calls) -> None:
    calls.fail(0)
    calls.answer_probes(4)

    first = (calls.fail(8), calls.detector.degraded)
    second = (calls.fail(9), calls.detector.degraded)

    assert first == ([None], False)
    assert second == ([OutageOpened(failures=3, duration_s=9)], True)


def test_failed_clients_do_not_open_the_pool_while_only_some_probes_fail(calls: Calls) -> None:
    calls.fail(0)
    for now in range(1, 60, 2):
        calls.answer_probes(now)
        calls.fail(now + 0.5)
        calls.fail_probes(now + 1)

    assert not calls.detector.degraded


def test_the_pool_opens_if_identity_answers_only_probes(calls: Calls) -> None:
    calls.fail(0)
    for now in range(1, 6):
        calls.answer_probes(now)
        calls.fail(now + 0.5)

    assert calls.detector.degraded


def test_a_clients_failure_contradicts_an_answered_probe(calls: Calls) -> None:
    calls.fail(0)
    alone = calls.detector.contradicted
    calls.answer_probes(1)
    answered = calls.detector.contradicted
    calls.fail(2)

    assert (alone, answered, calls.detector.contradicted) == (False, False, True)


def test_with_probing_off_every_call_goes_to_identity() -> None:
    calls = Calls(probing=False)
    calls.fail(0, 6)

    assert (calls.detector.degraded, calls.detector.calls_identity) == (True, True)
