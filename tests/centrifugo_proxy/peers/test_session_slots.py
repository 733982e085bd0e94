"""The slots of session events, and the share of the slots that may wait for one service."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.session_slots import SessionSlots, Share
from common.adaptive_limit import AdaptiveLimit
from tests.harness.examples import examples

HEALTHY_S, LAG_S = 0.001, 0.2


def adaptive(start: int = 100, **options: Any) -> AdaptiveLimit:
    return AdaptiveLimit(lag_s=0.05, latency_s=1.25, start=start, **options)


def event_waits(slots: SessionSlots, share: Share) -> bool:
    """Let a session event arrive that calls the hanging service of this share. False if the event is refused."""
    if not slots.enter():
        return False
    if share.enter():
        return True
    slots.leave(0.001)
    return False


def fill(slots: SessionSlots, share: Share) -> int:
    """Let events for a hanging service arrive until one is refused. Returns how many events wait."""
    while event_waits(slots, share):
        pass
    return share.taken


def is_answered(slots: SessionSlots) -> bool:
    """Let a session event arrive that needs no service. False if the event is refused."""
    if not slots.enter():
        return False
    slots.leave(0.001)
    return True


def end(slots: SessionSlots, share: Share) -> None:
    """Let the service answer every event that waits for it."""
    for _ in range(share.taken):
        share.leave()
        slots.leave(0.001)


def cut(slots: SessionSlots, limit: AdaptiveLimit) -> None:
    """Report a lagging event loop often enough to cut the limit. A fully used limit of 1000 is cut to its floor."""
    for _ in range(5):
        limit.tick(LAG_S)
        slots.limit_was_cut()


def full_and_cut() -> tuple[AdaptiveLimit, SessionSlots, Share, Share]:
    """Cut a limit while the diary service holds its whole share.

    Returns the limit, the slots, and the shares of the services diary and coach.
    """
    whole = adaptive(1000)
    slots = SessionSlots(whole)
    diary, coach = slots.share(), slots.share()
    fill(slots, diary)
    cut(slots, whole)
    return whole, slots, diary, coach


def test_session_events_take_at_most_seven_eighths_of_an_adaptive_limit_and_let_the_limit_grow() -> None:
    whole = adaptive()
    slots = SessionSlots(whole)

    entered = [slots.enter() for _ in range(100)]
    whole.tick(HEALTHY_S)
    after_growth = [slots.enter() for _ in range(10)]

    assert (sum(entered), int(whole.limit), sum(after_growth), whole.taken) == (88, 105, 4, 92)


def test_a_session_event_also_takes_and_releases_a_slot_of_the_whole_limit() -> None:
    whole = adaptive(4, patience_s=2.0)
    slots = SessionSlots(whole)

    entered = [slots.enter(3.0), slots.enter(), slots.enter()]
    slots.leave(0.01)

    assert (entered, slots.taken, whole.taken) == ([False, True, True], 1, 1)


@pytest.mark.parametrize(
    ("limit", "held"),
    [(1, [1, 0]), (2, [1, 0]), (4, [2, 1]), (8, [4, 2]), (64, [33, 11]), (100, [52, 17]), (1000, [511, 170])],
)
def test_each_hanging_service_holds_at_most_two_places_for_each_place_that_is_still_free(
    limit: int, held: list[int]
) -> None:
    slots = SessionSlots(Capacity(limit))
    diary, coach = slots.share(), slots.share()

    assert [fill(slots, diary), fill(slots, coach)] == held
    assert is_answered(slots) is (limit > 1)


def test_after_a_refused_event_an_adaptive_limit_and_its_shares_can_grow() -> None:
    whole = adaptive()
    slots = SessionSlots(whole)
    diary = slots.share()

    before = fill(slots, diary)
    whole.tick(HEALTHY_S)

    assert (before, fill(slots, diary), int(whole.limit)) == (52, 54, 105)


def test_a_slow_service_neither_cuts_the_limit_nor_stops_its_growth() -> None:
    whole = adaptive(400)
    slots = SessionSlots(whole)
    diary = slots.share()

    fill(slots, diary)
    diary.leave()
    slots.leave(60.0)
    whole.tick(HEALTHY_S)

    assert int(whole.limit) == 420


def test_events_that_wait_for_a_service_block_no_other_request_after_the_limit_was_cut() -> None:
    whole, slots, diary, coach = full_and_cut()

    assert (int(whole.limit), diary.taken) == (64, 511)
    assert is_answered(slots)
    assert not event_waits(slots, diary)
    assert fill(slots, coach) > 0
    assert is_answered(slots)
    assert whole.enter(), "a connect is refused"


def test_a_cut_limit_counts_every_request_again_after_the_earlier_requests_have_ended() -> None:
    whole, slots, diary, coach = full_and_cut()

    end(slots, diary)

    assert (slots.taken, slots.waiting, whole.taken, whole.overstaying, diary.overstaying) == (0, 0, 0, 0, 0)
    assert [fill(slots, diary), fill(slots, coach)] == [33, 11]


def test_earlier_events_still_belong_to_the_share_of_their_service_when_a_cut_limit_grows_again() -> None:
    whole, slots, diary, coach = full_and_cut()

    whole.limit = 400.0

    assert not event_waits(slots, diary)
    assert event_waits(slots, coach)


@examples(60)
@given(
    limit=st.integers(8, 1000),
    arrivals=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 300)), max_size=12),
    cuts=st.sets(st.integers(0, 11)),
)
def test_connects_and_events_that_need_no_service_are_answered_whichever_services_hang(
    limit: int, arrivals: list[tuple[int, int]], cuts: set[int]
) -> None:
    whole = adaptive(max(limit, 64))
    slots = SessionSlots(whole)
    shares = [slots.share() for _ in range(5)]

    for step, (service, count) in enumerate(arrivals):
        for _ in range(count):
            event_waits(slots, shares[service])
        if step in cuts:
            cut(slots, whole)

        assert is_answered(slots)
        assert whole.enter()
        whole.leave(0.01)
    for share in shares:
        end(slots, share)
    assert (slots.taken, slots.waiting, whole.taken, whole.overstaying) == (0, 0, 0, 0)
