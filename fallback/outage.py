"""Detects an outage of the identity service: a pure state machine.

Time is monotonic seconds and always an argument; nothing here reads a clock, so that a step of the wall clock
neither opens nor ends an outage. The rules and their reasons: docs/design/fresh-evidence.md.
"""

from dataclasses import dataclass
from typing import NamedTuple


class OutageOpened(NamedTuple):
    """The streak of failures has lasted longer than the window. `failures` and `duration_s` are its values so far."""

    failures: int
    duration_s: float


class OutageEnded(NamedTuple):
    """An opened outage is over.

    `duration_s` is the time from the first failure to the last one, `quiet_s` the time since the last one.
    """

    failures: int
    duration_s: float
    quiet_s: float


Transition = OutageOpened | OutageEnded


class OutageStatus(NamedTuple):
    """A snapshot.

    `duration_s` is the age of the streak, None without one. `last_failure_age_s` and `last_answer_age_s` are None
    until this process has had a failure or an answer.
    """

    degraded: bool
    consecutive_failure_count: int
    duration_s: float | None
    recovering: bool = False
    last_failure_age_s: float | None = None
    last_answer_age_s: float | None = None


@dataclass(slots=True)
class _Streak:
    """Failures in a row, and the results of the probes meanwhile. Times are monotonic seconds.
    `answering_since` is the time of the probes' first answer since the last failure; `opened` stays True once a
    failure has opened the pool.
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

    A caller announces each call with `call_started` and reports its end under that number: `failed` and `answered` for
    the calls of clients, `probe_failed` and `probe_answered` for those of the background probe. A client's
    call is a connect or a refresh. Not reported: a cancelled or interrupted call, a call whose status is no evidence,
    and a refresh without an answer.
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
        """Record UNAVAILABLE or DEADLINE_EXCEEDED of a client's call.

        A failure is ignored if its call is older than one that has ended a streak: it must not start a new one.
        """
        if call < self._ended_by:
            return None
        streak = self._counted(now)
        trusted = streak.opened or self._is_trusted(streak, now)
        streak.last_client_failure = now
        return self._open(streak, now) if trusted else None

    def probe_failed(self, call: int, now: float) -> OutageOpened | None:
        """Record UNAVAILABLE or DEADLINE_EXCEEDED of a probe. It lengthens a streak, but does not start one.
        A late failure is ignored if its probe is older than a call that has ended a streak, or than an answered probe
        of this streak.
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
        The streak ends only after a window of such answers, because identity may refuse a made-up ticket without
        reading its database.
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
        """True if a client's failure may open the pool.
        If a probe was answered within the last window, this takes another client's failure in that window, and no
        failure of a probe. If some probes fail, identity works in part, and most clients connect.
        """
        if not self._lately(streak.last_probe_answer, now):
            return True
        return self._lately(streak.last_client_failure, now) and not self._lately(streak.last_probe_failure, now)

    def _lately(self, moment: float | None, now: float) -> bool:
        """True if `moment` is within the last window."""
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
        """True if there is a streak of failures, and so a reason to probe."""
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
        """True if connects go to identity. With probing, only probes and a few refreshes do while degraded."""
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
