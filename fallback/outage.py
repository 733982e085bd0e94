"""Is the identity service down, and for how long: a pure state machine.

Time is monotonic seconds and always an argument; nothing here reads a clock, so a wall-clock
step can neither open nor close an outage.
"""

from dataclasses import dataclass
from typing import NamedTuple


class OutageOpened(NamedTuple):
    """The streak of failures has outlasted the window. `failures` so far, `duration_s` so far."""

    failures: int
    duration_s: float


class OutageEnded(NamedTuple):
    """An answer arrived after an opened outage. `failures` in all, `duration_s` in all."""

    failures: int
    duration_s: float


Transition = OutageOpened | OutageEnded


class OutageStatus(NamedTuple):
    """A snapshot. `duration_s` is the age of the streak, None while there is none."""

    degraded: bool
    consecutive_failure_count: int
    duration_s: float | None


@dataclass(slots=True)
class OutageDetector:
    """Counts consecutive failures of calls to identity.

    A caller announces each call with `call_started` and reports its end under that number with
    `failed` or `answered`; a cancelled call, or another status, is reported to nobody.
    """

    window_s: float
    probe_interval_s: float = 0.0
    _failures: int = 0
    _since: float = 0.0
    _opened: bool = False
    _calls: int = 0
    _ended_by: int = 0
    _probed_at: float | None = None

    def call_started(self) -> int:
        """The number of a new call; later calls have higher numbers."""
        self._calls += 1
        return self._calls

    def failed(self, call: int, now: float) -> OutageOpened | None:
        """Record UNAVAILABLE or DEADLINE_EXCEEDED of `call`.

        A call older than the one whose answer ended the last streak tells of a past that
        is over, and must not reopen it.
        """
        if call < self._ended_by:
            return None
        if self._failures == 0:
            self._since = now
        self._failures += 1
        return self.notice(now)

    def answered(self, call: int, now: float) -> OutageEnded | None:
        """Record any answer to `call`: the streak, if there is one, is over.

        Told only when the outage's opening was: ask `notice` first.
        """
        if self._failures == 0:
            return None
        ended = OutageEnded(self._failures, now - self._since) if self._opened else None
        self._failures = 0
        self._opened = False
        self._ended_by = max(self._ended_by, call)
        self._probed_at = None
        return ended

    def degraded(self, now: float) -> bool:
        """Whether the streak is longer than the window; equal is not longer."""
        return self._failures > 0 and now - self._since > self.window_s

    def notice(self, now: float) -> OutageOpened | None:
        """`OutageOpened` the first time an outage is seen to be degraded, else None."""
        if self._opened or not self.degraded(now):
            return None
        self._opened = True
        return OutageOpened(self._failures, now - self._since)

    def lets_call(self, now: float) -> bool:
        """Whether a request may ask identity, or must go straight to the pool.

        Always, unless probing is on and the outage is degraded: then once per probe interval.
        A True while probing claims the interval.
        """
        if not self.probe_interval_s or not self.degraded(now):
            return True
        if self._probed_at is not None and now - self._probed_at < self.probe_interval_s:
            return False
        self._probed_at = now
        return True

    def status(self, now: float) -> OutageStatus:
        """The state at `now`, for health, metrics and logs."""
        duration_s = now - self._since if self._failures else None
        return OutageStatus(self.degraded(now), self._failures, duration_s)
