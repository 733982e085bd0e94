"""An adaptive limit for requests in flight, controlled by the lag of the event loop and the latency of answers.

If the answer to a request would be late, the request is refused at once, because the caller would hang up before the
answer. Two signals show that answers are late. The lag of the event loop grows with the queue in this process. The
latency of answers also grows with a queue elsewhere. While both signals are small and the limit refuses requests, the
limit grows slowly. When a signal is too large, the limit is cut to a share of the recent peak of requests in flight.
TCP adapts its window in a similar way, and CoDel also uses delay as the signal.

Nothing here reads a clock: the caller measures both signals, and calls `tick` at a regular interval.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Final

GROWTH: Final = 1.05
LARGEST_CUT: Final = 0.5
# The limit grows only while both signals are below these shares of their bounds, so the signals stay below the bounds.
# The share for the lag is smaller, because the lag is noisy.
CALM_LAG: Final = 0.5
CALM_LATENCY: Final = 0.8


@dataclass(slots=True, kw_only=True)
class AdaptiveLimit:
    """A limit for requests in flight. It begins at `start`, and stays between `floor` and `ceiling`.

    `lag_s` is the largest healthy lag of the event loop, `latency_s` the largest healthy mean latency of an answer.
    A request that has already waited for more than `patience_s` seconds is refused, because its answer would be late.
    A high latency alone does not cut the limit below `slow_floor`: a slow peer needs many requests in flight, and fewer
    requests would not make it faster.

    `overstaying` is the number of taken slots that do not count against the limit. After a cut, the caller sets it to
    the number of requests that a lower limit cannot end.
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
        """Record that a part of this limit refused a request. The limit can then grow, as after its own refusals."""
        self._refused = True

    def leave(self, latency_s: float | None = None) -> None:
        """Release the slot. `latency_s` is how long the request was handled, in seconds.

        `latency_s` is None if this time must not affect the limit.
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
        """The mean latency of the answers since the last tick, as a share of `latency_s`; 0 without answers.

        It is also 0 while few requests are measured: a lower limit would not make these requests faster, and would
        refuse other requests.
        """
        measured = self.taken - unmeasured + self._answers
        if not self._answers or measured < min(self.slow_floor, int(self.limit)):
            return 0.0
        return self._answers_s / self._answers / self.latency_s

    def _cut(self, excess: float, floor: int) -> None:
        """Cut the limit to a share of the peak since the last tick. Do nothing if the peak is at most `floor`."""
        if self._peak > floor:
            used = min(self.limit, self._peak)
            self.limit = min(self.limit, max(floor, used * max(LARGEST_CUT, 1 / excess)))
