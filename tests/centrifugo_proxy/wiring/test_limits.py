"""The part of the limit of requests in flight that session events may take."""

from centrifugo_proxy.wiring.limits import SessionSlots
from common.adaptive_limit import AdaptiveLimit


def test_session_events_leave_an_eighth_of_an_adaptive_limit_and_let_it_grow() -> None:
    whole = AdaptiveLimit(lag_s=0.05, latency_s=1.25, start=100)
    slots = SessionSlots(whole)

    entered = [slots.enter() for _ in range(100)]
    whole.tick(0.001)
    after_growth = [slots.enter() for _ in range(10)]

    assert (sum(entered), int(whole.limit), sum(after_growth), whole.taken) == (88, 105, 4, 92)


def test_slots_of_session_events_are_released_with_those_of_the_whole() -> None:
    whole = AdaptiveLimit(lag_s=0.05, latency_s=1.25, patience_s=2.0, start=4)
    slots = SessionSlots(whole)

    entered = [slots.enter(3.0), slots.enter(), slots.enter()]
    slots.leave(0.01)

    assert (entered, slots.taken, whole.taken) == ([False, True, True], 1, 1)
