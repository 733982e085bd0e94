"""Detects an outage of the identity service: a pure state machine.

Times are monotonic seconds and are always arguments, so a step of the wall clock does not open or end an outage.
docs/design/fresh-evidence.md has the rules and their reasons. "Window" means the last `window_s` seconds.
"""

from dataclasses import dataclass
from typing import NamedTuple


class OutageOpened(NamedTuple):
    """The streak of failures has lasted longer than the window. `failures` and `duration_s` describe it so far."""

    failures: int
    duration_s: float


class OutageEnded(NamedTuple):
    """An opened outage is over.

    `duration_s` is the time from the first failure to the last failure; `quiet_s` is the time since the last failure.
    """

    failures: int
    duration_s: float
    quiet_s: float


Transition = OutageOpened | OutageEnded


class OutageStatus(NamedTuple):
    """A snapshot.

    `duration_s` is the age of the streak; None if there is no streak. `last_failure_age_s` is None before the first
    failure in this process, and `last_answer_age_s` is None before the first answer.
    """

    degraded: bool
    consecutive_failure_count: int
    duration_s: float | None
    recovering: bool = False
    last_failure_age_s: float | None = None
    last_answer_age_s: float | None = None


@dataclass(slots=True)
class _Streak:
    """Consecutive failures, and the results of the probes during this time. Times are monotonic seconds.

    `answering_since` is the time of the first answer to a probe since the last failure. `opened` becomes True when a
    failure opens the pool, and then stays True.
    """

    since: float
    failures: int = 0
    last_failure: float = 0.0
    last_client_failure: float | None = None
    last_probe_failure: float | None = None
    last_probe_answer: float | None = None
    answering_since: float | None = None
    answered_probe: int = 0
    degraded: bool = False
    opened: bool = False


@dataclass(slots=True)
class OutageDetector:
    """Counts consecutive failures of calls to identity.

    A caller announces each call with `call_started`, and later reports its result with the same number. It reports a
    client's call (a connect or a refresh) with `failed` or `answered`. It reports a call of the background probe with
    `probe_failed` or `probe_answered`. It does not report a cancelled or interrupted call, a call whose status is no
    evidence of an outage, or a refresh without an answer.
    """

    window_s: float
    probing: bool = False
    _streak: _Streak | None = None
    _calls: int = 0
    _ended_by: int = 0
    _last_failure: float | None = None
    _last_answer: float | None = None

    def call_started(self) -> int:
        """The number of a new call; later calls have higher numbers."""
        self._calls += 1
        return self._calls

    def failed(self, call: int, now: float) -> OutageOpened | None:
        """Record that a client's call has failed with UNAVAILABLE or DEADLINE_EXCEEDED.

        A failure is ignored if its call is older than a call that has ended a streak. An old failure must not start a
        new streak.
        """
        if call < self._ended_by:
            return None
        streak = self._counted(now)
        trusted = streak.opened or self._is_trusted(streak, now)
        streak.last_client_failure = now
        return self._open(streak, now) if trusted else None

    def probe_failed(self, call: int, now: float) -> OutageOpened | None:
        """Record that a probe has failed with UNAVAILABLE or DEADLINE_EXCEEDED. This never starts a streak.

        A late failure is ignored if its probe is older than a call that has ended a streak, or older than an answered
        probe of this streak.
        """
        if call < self._ended_by or self._streak is None or call < self._streak.answered_probe:
            return None
        streak = self._counted(now)
        streak.last_probe_failure = now
        return None if self._lately(streak.last_probe_answer, now) else self._open(streak, now)

    def answered(self, call: int, now: float) -> OutageEnded | None:
        """Record any answer to a client's call. It ends the streak, if there is one."""
        self._last_answer = now
        return self._end(call, now)

    def probe_answered(self, call: int, now: float) -> OutageEnded | None:
        """Record any answer to a probe: identity may be recovering, and clients' calls go to it again.

        One answer does not end the streak: identity may refuse the made-up ticket of a probe without its database,
        while clients' calls still fail. So probes must be answered for a whole window.
        """
        self._last_answer = now
        streak = self._streak
        if streak is None:
            return None
        streak.degraded = False
        streak.last_probe_answer = now
        streak.answered_probe = max(streak.answered_probe, call)
        if streak.answering_since is None:
            streak.answering_since = now
        return self._end(call, now) if now - streak.answering_since >= self.window_s else None

    def _counted(self, now: float) -> _Streak:
        self._last_failure = now
        if self._streak is None:
            self._streak = _Streak(since=now)
        self._streak.failures += 1
        self._streak.last_failure = now
        self._streak.answering_since = None
        return self._streak

    def _is_trusted(self, streak: _Streak, now: float) -> bool:
        """True if a failure of a client's call may open the pool.

        If a probe was answered within the window, two conditions must hold: another client's call failed within the
        window, and no probe failed. If some probes fail and others do not, most clients can still connect to identity.
        """
        if not self._lately(streak.last_probe_answer, now):
            return True
        return self._lately(streak.last_client_failure, now) and not self._lately(streak.last_probe_failure, now)

    def _lately(self, moment: float | None, now: float) -> bool:
        """True if `moment` is within the window."""
        return moment is not None and now - moment <= self.window_s

    def _open(self, streak: _Streak, now: float) -> OutageOpened | None:
        duration_s = now - streak.since
        if duration_s <= self.window_s:
            return None
        first, streak.degraded, streak.opened = not streak.opened, True, True
        return OutageOpened(streak.failures, duration_s) if first else None

    def _end(self, call: int, now: float) -> OutageEnded | None:
        streak, self._streak = self._streak, None
        if streak is None:
            return None
        self._ended_by = max(self._ended_by, call)
        if not streak.opened:
            return None
        return OutageEnded(streak.failures, streak.last_failure - streak.since, now - streak.last_failure)

    @property
    def degraded(self) -> bool:
        """True from a failure that opens the pool until a probe is answered or the streak ends."""
        return self._streak is not None and self._streak.degraded

    @property
    def failing(self) -> bool:
        """True if there is a streak of failures, which is a reason to probe."""
        return self._streak is not None

    @property
    def contradicted(self) -> bool:
        """True if a client's call has failed since the last answered probe. The next round then has two probes."""
        streak = self._streak
        if streak is None or streak.last_client_failure is None or streak.last_probe_answer is None:
            return False
        return streak.last_client_failure >= streak.last_probe_answer

    @property
    def calls_identity(self) -> bool:
        """True if connects go to identity. While degraded with probing, only probes and a few refreshes go to it."""
        return not (self.probing and self.degraded)

    def status(self, now: float) -> OutageStatus:
        """The state at `now`, for health, metrics and logs."""
        streak = self._streak
        return OutageStatus(
            degraded=self.degraded,
            consecutive_failure_count=streak.failures if streak else 0,
            duration_s=now - streak.since if streak else None,
            recovering=streak is not None and streak.answering_since is not None,
            last_failure_age_s=_age(self._last_failure, now),
            last_answer_age_s=_age(self._last_answer, now),
        )


def _age(moment: float | None, now: float) -> float | None:
    return None if moment is None else now - moment
