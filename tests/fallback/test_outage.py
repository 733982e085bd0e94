"""The detector alone: time is an argument, so that each window is exact."""

import pytest

from fallback.outage import OutageDetector, OutageEnded, OutageOpened, OutageStatus


@pytest.fixture
def detector() -> OutageDetector:
    return OutageDetector(window_s=5)


def fail(detector: OutageDetector, now: float) -> OutageOpened | None:
    return detector.failed(detector.call_started(), now)


def answer(detector: OutageDetector, now: float) -> OutageEnded | None:
    return detector.answered(detector.call_started(), now)


def test_a_new_detector_sees_no_outage(detector: OutageDetector) -> None:
    assert detector.status(1000) == OutageStatus(degraded=False, consecutive_failure_count=0, duration_s=None)


def test_time_alone_opens_no_outage(detector: OutageDetector) -> None:
    assert not detector.degraded(1e9)


@pytest.mark.parametrize(("age_s", "degraded"), [(0, False), (4.999, False), (5, False), (5.001, True), (1e9, True)])
def test_an_outage_is_degraded_when_longer_than_the_window(
    detector: OutageDetector, age_s: float, degraded: bool
) -> None:
    fail(detector, 0)

    assert detector.status(age_s) == OutageStatus(degraded, 1, age_s)


def test_the_streak_is_as_old_as_its_first_failure(detector: OutageDetector) -> None:
    for now in (10, 12, 14):
        fail(detector, now)

    assert detector.status(14) == OutageStatus(degraded=False, consecutive_failure_count=3, duration_s=4)


def test_an_outage_is_told_once_when_it_opens(detector: OutageDetector) -> None:
    told = [fail(detector, now) for now in (0, 5, 6, 7)]

    assert told == [None, None, OutageOpened(failures=3, duration_s=6), None]


def test_an_outage_that_time_alone_has_opened_is_told_when_somebody_looks(detector: OutageDetector) -> None:
    fail(detector, 0)

    told = [detector.notice(now) for now in (5, 6, 7)]

    assert told == [None, OutageOpened(failures=1, duration_s=6), None]


def test_the_end_of_an_outage_is_told_once_with_its_length(detector: OutageDetector) -> None:
    fail(detector, 0)
    fail(detector, 6)

    told = [answer(detector, now) for now in (7, 8)]

    assert told == [OutageEnded(failures=2, duration_s=7), None]


def test_the_end_of_a_short_streak_is_not_worth_telling(detector: OutageDetector) -> None:
    fail(detector, 0)

    assert answer(detector, 5) is None
    assert detector.status(5).consecutive_failure_count == 0


def test_a_new_streak_starts_its_own_window(detector: OutageDetector) -> None:
    fail(detector, 0)
    answer(detector, 4)
    fail(detector, 4.5)

    assert not detector.degraded(6)
    assert detector.degraded(9.6)


def test_the_late_failure_of_an_older_call_reopens_nothing(detector: OutageDetector) -> None:
    old = detector.call_started()
    fail(detector, 0)
    answer(detector, 1)

    detector.failed(old, 2)

    assert detector.status(100).consecutive_failure_count == 0


def test_the_late_failure_of_an_older_call_makes_no_new_streak_longer(detector: OutageDetector) -> None:
    old = detector.call_started()
    fail(detector, 0)
    answer(detector, 1)
    fail(detector, 2)

    detector.failed(old, 3)

    assert detector.status(3).consecutive_failure_count == 1


def test_a_late_answer_does_not_bring_older_failures_back(detector: OutageDetector) -> None:
    older, old = detector.call_started(), detector.call_started()
    fail(detector, 0)
    answer(detector, 1)
    fail(detector, 2)
    detector.answered(older, 3)

    detector.failed(old, 4)

    assert detector.status(4).consecutive_failure_count == 0


def test_the_failure_of_a_call_as_young_as_the_answer_counts(detector: OutageDetector) -> None:
    fail(detector, 0)
    answering, younger = detector.call_started(), detector.call_started()
    detector.answered(answering, 1)

    detector.failed(younger, 2)

    assert detector.status(2).consecutive_failure_count == 1


def test_without_probing_every_request_may_ask() -> None:
    detector = OutageDetector(window_s=5)
    fail(detector, 0)

    assert all(detector.lets_call(now) for now in (0, 5, 6, 6, 6))


def test_while_degraded_one_request_an_interval_may_ask() -> None:
    detector = OutageDetector(window_s=5, probe_interval_s=2)
    fail(detector, 0)

    may_ask = {now: [detector.lets_call(now), detector.lets_call(now)] for now in (0, 5, 6, 7, 8)}

    assert may_ask == {0: [True, True], 5: [True, True], 6: [True, False], 7: [False, False], 8: [True, False]}


def test_a_new_outage_may_be_probed_at_once() -> None:
    detector = OutageDetector(window_s=5, probe_interval_s=60)
    fail(detector, 0)
    assert detector.lets_call(6)
    answer(detector, 7)
    fail(detector, 8)

    assert detector.lets_call(14)
