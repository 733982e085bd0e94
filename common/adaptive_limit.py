"""An adaptive limit for requests in flight, controlled by the lag of the event loop and the latency of answers.

Work for a caller that has hung up is wasted, so a request is refused at once if its answer would be late. Two signals
show that answers are late: the lag of the event loop, which grows with the queue in this process, and the latency of
answers, which also grows with a queue elsewhere. The limit grows slowly while requests find it full and both signals
are small. When a signal is too large, the limit is cut to a share of the recent peak of requests in flight. TCP adapts
its window in a similar way, and CoDel also uses delay as the signal.

Nothing here reads a clock: the caller measures both signals, and calls `tick` at a regular interval.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Final

GROWTH: Final = 1.05
LARGEST_CUT: Final = 0.5
# The limit grows only while both signals are below these shares of their bounds, so that they settle below the bounds.
# The share for the lag is smaller, because the lag is noisy.
CALM_LAG: Final = 0.5
CALM_LATENCY: Final = 0.8


@dataclass(slots=True, kw_only=True)
class AdaptiveLimit:
    """A limit for requests in flight, from `start`, between `floor` and `ceiling`.

    `lag_s` is the largest healthy lag of the event loop, `latency_s` the largest healthy mean latency of an answer.
    A request that has waited for more than `patience_s` seconds is refused: its answer would be late.
    A latency alone does not cut the limit below `slow_floor`: a slow peer needs many requests in flight, and fewer
    would not make it faster.

    `overstaying` is the number of taken slots that do not count against the limit. The limit's owner sets it after a
    cut, for requests that a lower limit cannot end.
    """

    lag_s: float
    latency_s: float
    patience_s: float = inf
    floor: int = 64
    slow_floor: int = 100
    start: int = 100
    ceiling: int = 1000
    taken: int = 0
    overstaying: int = 0
    limit: float = field(init=False)
    last_lag_s: float = field(init=False, default=0.0)
    _answers: int = field(init=False, default=0)
    _answers_s: float = field(init=False, default=0.0)
    _peak: int = field(init=False, default=0)
    _refused: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.limit = float(self.start)

    def enter(self, waited_s: float = 0.0) -> bool:
        """Take a slot; False if none is free, or if the request has already waited for too long."""
        if waited_s > self.patience_s:
            return False
        if self.taken - self.overstaying >= int(self.limit):
            self._refused = True
            return False
        self.taken += 1
        self._peak = max(self._peak, self.taken)
        return True

    def refused_by_part(self) -> None:
        """Record a refusal by a part of this limit, so that the limit grows as after a refusal of its own."""
        self._refused = True

    def leave(self, latency_s: float | None = None) -> None:
        """Release the slot. `latency_s` is the time for which the request was handled, in seconds; None if it says
        nothing about the limit.
        """
        self.taken -= 1
        if latency_s is not None:
            self._answers += 1
            self._answers_s += latency_s

    def tick(self, lag_s: float, unmeasured: int = 0) -> None:
        """Adapt to the lag of the event loop, and to the latency of the answers since the last tick, in seconds.

        `unmeasured` is how many of the taken slots will be released without a latency.
        """
        self.last_lag_s = lag_s
        excess = lag_s / self.lag_s
        slowness = self._slowness(unmeasured)
        if excess > 1:
            self._cut(excess, self.floor)
        elif slowness > 1:
            self._cut(slowness, self.slow_floor)
        elif self._refused and excess < CALM_LAG and slowness < CALM_LATENCY:
            self.limit = min(self.ceiling, self.limit * GROWTH)
        self._answers, self._answers_s, self._peak, self._refused = 0, 0.0, self.taken, False

    def _slowness(self, unmeasured: int) -> float:
        """The mean latency of the answers since the last tick, as a share of its bound; 0 if there are none.

        It is also 0 while few requests are measured: a lower limit would not make them faster, and would refuse others.
        """
        measured = self.taken - unmeasured + self._answers
        if not self._answers or measured < min(self.slow_floor, int(self.limit)):
            return 0.0
        return self._answers_s / self._answers / self.latency_s

    def _cut(self, excess: float, floor: int) -> None:
        """Cut the limit, starting from the peak since the last tick. A peak of at most `floor` is not the cause."""
        if self._peak > floor:
            used = min(self.limit, self._peak)
            self.limit = min(self.limit, max(floor, used * max(LARGEST_CUT, 1 / excess)))
