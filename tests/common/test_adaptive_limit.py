"""The adaptive limit: each rule, and simulated loads on a service that handles 500 requests per second."""

import pytest

from common.adaptive_limit import AdaptiveLimit
from tests.common.arrivals import OverTime, simulate

CAPACITY = 500


def adaptive(**options: int) -> AdaptiveLimit:
    return AdaptiveLimit(lag_s=0.05, latency_s=1.25, **options)


def always(value: float) -> OverTime:
    return lambda _: value


def filled(limit: AdaptiveLimit) -> AdaptiveLimit:
    """The limit with every slot taken, and one request refused."""
    while limit.enter():
        pass
    return limit


def test_slots_are_taken_up_to_the_limit_and_released() -> None:
    limit = adaptive(start=2, floor=1)

    entered = [limit.enter(), limit.enter(), limit.enter()]
    limit.leave(0.01)

    assert entered == [True, True, False]
    assert limit.enter()


def test_a_request_that_has_waited_too_long_is_refused_and_does_not_raise_the_limit() -> None:
    limit = AdaptiveLimit(lag_s=0.05, latency_s=1.25, patience_s=2.0, start=100)

    entered = [limit.enter(2.1), limit.enter(1.9)]
    limit.tick(0.0)

    assert entered == [False, True]
    assert limit.limit == 100


def test_a_limit_that_refuses_no_request_does_not_grow() -> None:
    limit = adaptive(start=100)

    limit.tick(0.001)

    assert limit.limit == 100


def test_a_limit_does_not_grow_while_the_lag_is_near_its_bound() -> None:
    limit = filled(adaptive(start=100))

    limit.tick(0.04)

    assert limit.limit == 100


def test_a_limit_does_not_grow_while_the_latency_is_near_its_bound() -> None:
    limit = filled(adaptive(start=100))
    limit.leave(1.1)

    limit.tick(0.001)

    assert limit.limit == 100


def test_a_limit_that_refuses_requests_grows_while_the_lag_is_small() -> None:
    limit = filled(adaptive(start=100))

    limit.tick(0.001)

    assert limit.limit == pytest.approx(105)


def test_a_limit_grows_after_a_part_of_it_has_refused_a_request() -> None:
    limit = adaptive(start=100)

    limit.refused_by_part()
    limit.tick(0.001)

    assert limit.limit == pytest.approx(105)


def test_a_limit_never_grows_above_the_ceiling() -> None:
    limit = filled(adaptive(start=100, ceiling=101))

    limit.tick(0.0)

    assert limit.limit == 101


@pytest.mark.parametrize(("lag_s", "limit_after"), [(0.06, 83.3), (0.1, 50.0), (5.0, 50.0)])
def test_a_lag_above_the_bound_cuts_the_limit_in_proportion_but_at_most_by_half(
    lag_s: float, limit_after: float
) -> None:
    limit = filled(adaptive(start=100, floor=16))

    limit.tick(lag_s)

    assert limit.limit == pytest.approx(limit_after, abs=0.1)


def test_a_cut_of_the_limit_starts_from_the_largest_number_of_slots_in_use() -> None:
    limit = adaptive(start=1000, floor=16)
    for _ in range(100):
        limit.enter()
    limit.leave(0.01)

    limit.tick(0.1)

    assert limit.limit == 50


def test_a_lag_with_fewer_requests_in_flight_than_the_floor_does_not_change_the_limit() -> None:
    limit = adaptive(start=200)
    limit.enter()

    limit.tick(9.0)

    assert limit.limit == 200


def test_a_lag_never_cuts_the_limit_below_the_floor() -> None:
    limit = filled(adaptive(start=20, floor=16))

    for _ in range(5):
        limit.tick(9.0)

    assert limit.limit == 16


def test_slow_answers_do_not_cut_the_limit_below_the_slow_floor() -> None:
    limit = filled(adaptive(start=150, slow_floor=100))

    for _ in range(5):
        limit.leave(2.4)
        limit.enter()
        limit.tick(0.0)

    assert limit.limit == 100


@pytest.mark.parametrize(("unmeasured", "limit_after"), [(0, 200), (300, 200), (301, 420), (375, 420)])
def test_the_latency_of_fewer_requests_than_the_slow_floor_is_ignored(unmeasured: int, limit_after: float) -> None:
    limit = filled(adaptive(start=400, slow_floor=100))
    for _ in range(25):
        limit.leave(2.5)

    limit.tick(0.001, unmeasured=unmeasured)

    assert limit.limit == pytest.approx(limit_after)


def test_slow_answers_do_not_raise_a_limit_that_a_lag_has_cut() -> None:
    limit = filled(adaptive(start=300, floor=16, slow_floor=100))
    limit.tick(1.0)
    limit.tick(1.0)

    limit.leave(2.4)
    limit.tick(0.0)

    assert limit.limit == 75


@pytest.mark.parametrize("peer_s", [0.005, 0.05, 0.5])
def test_below_the_capacity_almost_no_request_is_refused(peer_s: float) -> None:
    outcome = simulate(adaptive(), arrivals=always(0.8 * CAPACITY), peer_s=always(peer_s), seconds=60)

    assert outcome.share_refused() < 0.01
    assert outcome.late == 0


@pytest.mark.parametrize("times", [2, 5, 10])
def test_above_the_capacity_answers_use_most_of_the_time_that_refusals_leave_and_none_is_late(times: int) -> None:
    arrivals, refusal, seconds = times * CAPACITY, 0.05, 60.0

    outcome = simulate(adaptive(), arrivals=always(arrivals), peer_s=always(0.005), seconds=seconds, refusal=refusal)

    possible = (CAPACITY - refusal * arrivals) / (1 - refusal) * seconds
    assert outcome.answered > 0.75 * possible
    assert outcome.late == 0


def test_after_a_storm_almost_no_request_of_a_normal_load_is_refused() -> None:
    limit = adaptive()

    simulate(limit, arrivals=always(10 * CAPACITY), peer_s=always(0.05), seconds=10)
    after = simulate(limit, arrivals=always(0.8 * CAPACITY), peer_s=always(0.05), seconds=20)

    assert after.share_refused() < 0.02


def test_a_slow_peer_is_not_mistaken_for_a_storm() -> None:
    outcome = simulate(adaptive(), arrivals=always(300), peer_s=lambda now: 0.005 if now < 20 else 0.8, seconds=60)

    assert outcome.share_refused() < 0.03
    assert outcome.late == 0
