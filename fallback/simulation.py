"""The script of a simulated outage: each step, and its expected result."""

from enum import StrEnum
from typing import NamedTuple


class Ticket(StrEnum):
    """The ticket that a client sends. `FIRST` and `SECOND` are in the pool; identity accepts `OTHER`."""

    OTHER = "other"
    FIRST = "first of the pool"
    SECOND = "second of the pool"


class Answer(StrEnum):
    """The expected answer to the client."""

    USER = "accepted as the ticket's user"
    POOL = "accepted from the pool"
    UNAVAILABLE = "refused for now"


class Effect(NamedTuple):
    """The expected state after a step."""

    identity_asked: bool
    degraded: bool
    tickets_left: int


class Step(NamedTuple):
    """Wait `wait_ms`, turn identity on or off, send a probe if `probe` is True, then connect with this ticket."""

    name: str
    wait_ms: int
    identity_up: bool
    ticket: Ticket
    answer: Answer
    effect: Effect
    probe: bool = False


class Pace(NamedTuple):
    """Times of connects in milliseconds.

    `inside_ms` and `past_ms` are times after the first failure: within the window, and just after the window.
    `early_ms` and `due_ms` are times after the pool has opened: before a probe is due, and after a probe is due.
    """

    inside_ms: int
    past_ms: int
    early_ms: int
    due_ms: int


def virtual_pace(window_ms: int, probe_interval_ms: int) -> Pace:
    """Times exact to the millisecond: the pool opens only after the window, not at its end."""
    return Pace(window_ms, window_ms + 1, probe_interval_ms - 1, probe_interval_ms + 1)


def real_pace(window_ms: int, probe_interval_ms: int) -> Pace:
    """Times with a margin, because a busy machine wakes up late."""
    return Pace(window_ms // 2, window_ms + 50, 0, probe_interval_ms + 20)


def script(pace: Pace, *, probing: bool) -> tuple[Step, ...]:
    """The steps for a pool of two tickets. Without probing, every client's call goes to identity."""
    return (*_healthy(), *_inside(pace), *_degraded(pace, called=not probing), *_recovery(pace, probing=probing))


def _healthy() -> tuple[Step, ...]:
    """Identity does not know the pool's tickets. A client that sends such a ticket too early can use it later."""
    return (
        Step("healthy: a good ticket", 0, True, Ticket.OTHER, Answer.USER, Effect(True, False, 2)),
        Step("healthy: a pool ticket", 0, True, Ticket.FIRST, Answer.UNAVAILABLE, Effect(True, False, 2)),
    )


def _inside(pace: Pace) -> tuple[Step, ...]:
    """The pool stays closed, and keeps its tickets."""
    at_once, inside = "identity fails: a pool ticket at once", "still inside the window: a pool ticket"
    refused = Effect(True, False, 2)
    return (
        Step(at_once, 0, False, Ticket.FIRST, Answer.UNAVAILABLE, refused),
        Step(inside, pace.inside_ms, False, Ticket.FIRST, Answer.UNAVAILABLE, refused),
    )


def _degraded(pace: Pace, *, called: bool) -> tuple[Step, ...]:
    """A failure after the window opens the pool. If `called` is false, only the probe calls identity from then on."""
    past_ms = pace.past_ms - pace.inside_ms
    later = Effect(called, True, 1)
    return (
        Step("degraded: a pool ticket", past_ms, False, Ticket.FIRST, Answer.POOL, Effect(True, True, 1)),
        Step("degraded: the same ticket again", 0, False, Ticket.FIRST, Answer.UNAVAILABLE, later),
        Step("degraded: a ticket that is not in the pool", 0, False, Ticket.OTHER, Answer.UNAVAILABLE, later),
    )


def _recovery(pace: Pace, *, probing: bool) -> tuple[Step, ...]:
    """With probing, clients' calls go to identity again after an answered probe. Their first answer ends the outage."""
    early_ms, wait_ms = (pace.early_ms, pace.due_ms - pace.early_ms) if probing else (0, 0)
    early = Effect(False, True, 1)
    waiting = Step("identity is back, no probe yet", early_ms, True, Ticket.OTHER, Answer.UNAVAILABLE, early)
    over = Effect(True, False, 1)
    return (
        *((waiting,) if probing else ()),
        Step("recovery: a good ticket", wait_ms, True, Ticket.OTHER, Answer.USER, over, probe=probing),
        Step("identity fails anew: a pool ticket", 0, False, Ticket.SECOND, Answer.UNAVAILABLE, over),
    )
