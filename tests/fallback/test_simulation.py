"""The script of simulate_outage: its steps and their times."""

import pytest

from fallback.simulation import Answer, Pace, Step, Ticket, real_pace, script, virtual_pace


def times(steps: tuple[Step, ...]) -> list[int]:
    """The time of each step, in milliseconds."""
    return [sum(step.wait_ms for step in steps[: index + 1]) for index in range(len(steps))]


def test_in_virtual_time_clients_connect_at_the_end_of_the_degraded_window_and_a_millisecond_later() -> None:
    assert virtual_pace(5000, 700) == Pace(inside_ms=5000, past_ms=5001, early_ms=699, due_ms=701)


def test_in_real_time_clients_connect_with_a_margin_before_and_after_the_end_of_the_degraded_window() -> None:
    assert real_pace(5000, 700) == Pace(inside_ms=2500, past_ms=5050, early_ms=0, due_ms=720)


def test_the_steps_cover_an_outage_from_health_to_recovery() -> None:
    steps = script(virtual_pace(5000, 0), probing=False)

    assert [(step.identity_up, step.ticket, step.answer) for step in steps] == [
        (True, Ticket.OTHER, Answer.USER),
        (True, Ticket.FIRST, Answer.UNAVAILABLE),
        (False, Ticket.FIRST, Answer.UNAVAILABLE),
        (False, Ticket.FIRST, Answer.UNAVAILABLE),
        (False, Ticket.FIRST, Answer.POOL),
        (False, Ticket.FIRST, Answer.UNAVAILABLE),
        (False, Ticket.OTHER, Answer.UNAVAILABLE),
        (True, Ticket.OTHER, Answer.USER),
        (False, Ticket.SECOND, Answer.UNAVAILABLE),
    ]
    assert times(steps) == [0, 0, 0, 5000, 5001, 5001, 5001, 5001, 5001]
    assert not any(step.probe for step in steps)


def test_with_probing_enabled_a_clients_call_reaches_identity_again_only_after_an_answered_probe() -> None:
    steps = script(virtual_pace(5000, 700), probing=True)

    asked = [step.effect.identity_asked for step in steps]
    assert asked == [True, True, True, True, True, False, False, False, True, True]
    assert times(steps) == [0, 0, 0, 5000, 5001, 5001, 5001, 5700, 5702, 5702]
    assert [step.name for step in steps if step.probe] == ["recovery: a good ticket"]


@pytest.mark.parametrize("probing", [False, True])
def test_one_ticket_of_the_pool_is_used_in_total(probing: bool) -> None:
    steps = script(virtual_pace(5000, 700), probing=probing)

    left = [step.effect.tickets_left for step in steps]
    assert (left[0], left[-1]) == (2, 1)
    assert [step.answer for step in steps].count(Answer.POOL) == 1
