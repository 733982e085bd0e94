"""The script of a whole outage for one configuration: step by step, with what must come of each."""

from enum import StrEnum
from typing import NamedTuple


class Ticket(StrEnum):
    """Who knocks. `FIRST` and `SECOND` are the pool's tickets; no pool has heard of `OTHER`."""

    OTHER = "other"
    FIRST = "first of the pool"
    SECOND = "second of the pool"


class Answer(StrEnum):
    """What the caller must be told."""

    USER = "let in as the ticket's user"
    POOL = "let in from the pool"
    UNAVAILABLE = "turned away for now"


class Effect(NamedTuple):
    """What must be true after a step, besides its answer."""

    identity_asked: bool
    degraded: bool
    tickets_left: int


class Step(NamedTuple):
    """Wait `wait_ms`, have identity up or down, and knock with this ticket."""

    name: str
    wait_ms: int
    identity_up: bool
    ticket: Ticket
    answer: Answer
    effect: Effect


class Pace(NamedTuple):
    """When to look, in milliseconds: late in the window and just past it, before and after a probe is due."""

    inside_ms: int
    past_ms: int
    early_ms: int
    due_ms: int


def virtual_pace(window_ms: int, probe_interval_ms: int) -> Pace:
    """To the millisecond: a streak as old as the window is not yet longer than it."""
    return Pace(window_ms, window_ms + 1, probe_interval_ms - 1, probe_interval_ms + 1)


def real_pace(window_ms: int, probe_interval_ms: int) -> Pace:
    """With room for a machine that is slow to wake."""
    return Pace(window_ms // 2, window_ms + 50, 0, probe_interval_ms + 20)


def script(pace: Pace, *, probing: bool) -> tuple[Step, ...]:
    """The steps for a pool of two tickets. Without probing every call is tried at identity."""
    return (
        Step("healthy: a good ticket", 0, True, Ticket.OTHER, Answer.USER, Effect(True, False, 2)),
        *_inside(pace),
        *_degraded(pace, asked=not probing),
        *_recovery(pace, probing=probing),
    )


def _inside(pace: Pace) -> tuple[Step, ...]:
    """The pool stays shut, and keeps its ticket."""
    turned_away = Effect(True, False, 2)
    return (
        Step("identity fails: a pool ticket at once", 0, False, Ticket.FIRST, Answer.UNAVAILABLE, turned_away),
        Step(
            "still inside the window: a pool ticket",
            pace.inside_ms,
            False,
            Ticket.FIRST,
            Answer.UNAVAILABLE,
            turned_away,
        ),
    )


def _degraded(pace: Pace, *, asked: bool) -> tuple[Step, ...]:
    """The call that finds the window passed is the first probe; those after it, if probing is on, ask nobody."""
    past_ms = pace.past_ms - pace.inside_ms
    later = Effect(asked, True, 1)
    return (
        Step("degraded: a pool ticket", past_ms, False, Ticket.FIRST, Answer.POOL, Effect(True, True, 1)),
        Step("degraded: the same ticket again", 0, False, Ticket.FIRST, Answer.UNAVAILABLE, later),
        Step("degraded: a ticket that is not in the pool", 0, False, Ticket.OTHER, Answer.UNAVAILABLE, later),
    )


def _recovery(pace: Pace, *, probing: bool) -> tuple[Step, ...]:
    """The first call that reaches identity ends the outage; the next failure begins at nought."""
    early_ms, wait_ms = (pace.early_ms, pace.due_ms - pace.early_ms) if probing else (0, 0)
    waiting = Step(
        "identity is back, no probe is due yet",
        early_ms,
        True,
        Ticket.OTHER,
        Answer.UNAVAILABLE,
        Effect(False, True, 1),
    )
    return (
        *((waiting,) if probing else ()),
        Step("recovery: a good ticket", wait_ms, True, Ticket.OTHER, Answer.USER, Effect(True, False, 1)),
        Step("identity fails anew: a pool ticket", 0, False, Ticket.SECOND, Answer.UNAVAILABLE, Effect(True, False, 1)),
    )
