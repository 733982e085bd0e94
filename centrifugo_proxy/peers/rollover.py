"""Decides when a channel is replaced. Every time is an argument, in seconds of one monotonic clock.

If a name does not exist, gRPC may wait for up to two minutes before the next lookup. gRPC keeps a connection to a
host that does not answer. It looks up a name only when a connection is lost. So a channel is replaced by a new channel,
the candidate, which starts with a lookup and a new connection. The candidate takes over when it is connected, so that
no call is lost. A candidate with new credentials takes over after CREDENTIALS_S at the latest.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

# A channel that has been disconnected for this long gets a candidate.
FAILING_S: Final = 1.0
# A candidate that fails to connect is replaced after FAILED_CANDIDATE_S. A candidate that is still connecting is
# replaced after CONNECTING_CANDIDATE_S, because a name server may be slow. CONNECTING_CANDIDATE_S also applies to a
# failed candidate if the current channel is connected and only too old.
FAILED_CANDIDATE_S: Final = 1.0
CONNECTING_CANDIDATE_S: Final = 5.0
# If calls exceed their deadline, the channel is replaced at most once in this time. Otherwise a slow service would get
# a new connection for each such call.
SILENT_S: Final = 5.0
# A channel whose target is a name is replaced at this age, to find new addresses within half a minute.
AGE_S: Final = 25.0
# After this time a candidate with new credentials takes over even if it is not connected.
CREDENTIALS_S: Final = 2.0


class State(Enum):
    """The connectivity of a channel."""

    READY = "ready"
    CONNECTING = "connecting"
    FAILING = "failing"


class Step(Enum):
    """The next step for a channel. At most one candidate exists."""

    KEEP = "keep"
    OPEN = "open a candidate, and close the previous candidate if there is one"
    DISCARD = "close the candidate"
    SWAP = "let the candidate take over"


class Reason(Enum):
    """The reason why a channel is replaced."""

    FAILING = "not connected"
    SILENT = "calls exceeded their deadline"
    AGE = "its age"
    CREDENTIALS = "new credentials"


@dataclass(slots=True)
class Rollover:
    """The state of the current channel and its candidate.

    The channel is replaced at the age of `age_s` seconds. `age_s` is None if the target's addresses cannot change.
    """

    opened_at: float
    age_s: float | None = None
    swapped_for: Reason | None = None  # the reason of the latest swap
    _reason: Reason | None = None
    _connected_at: float | None = None
    _expired: bool = False
    _candidate_at: float | None = None

    def call_expired(self) -> None:
        """Record that a call on the current channel exceeded its deadline."""
        self._expired = True

    def credentials_changed(self) -> None:
        """Record that there are new credentials. A candidate with older credentials no longer counts."""
        self._reason, self._candidate_at = Reason.CREDENTIALS, None

    def step(self, now: float, current: State, candidate: State | None) -> Step:
        """The next step, given the states of both channels. The caller carries it out before it calls `step` again."""
        if current is State.READY:
            self._connected_at = now
        if self._candidate_at is not None and candidate is not None:
            return self._judge(now, current, candidate, now - self._candidate_at)
        if self._reason is not Reason.CREDENTIALS:
            self._reason = self._due(now)
        return self._open(now) if self._reason else Step.KEEP

    def _due(self, now: float) -> Reason | None:
        connected_at = self.opened_at if self._connected_at is None else self._connected_at
        if now - connected_at > FAILING_S:
            return Reason.FAILING
        if self._expired and now - self.opened_at >= SILENT_S:
            return Reason.SILENT
        if self.age_s is not None and now - self.opened_at >= self.age_s:
            return Reason.AGE
        return None

    def _judge(self, now: float, current: State, candidate: State, age_s: float) -> Step:
        if candidate is State.READY or (self._reason is Reason.CREDENTIALS and age_s >= CREDENTIALS_S):
            return self._swap(now)
        if self._reason is Reason.CREDENTIALS:
            return Step.KEEP
        if self._reason is Reason.FAILING and current is State.READY:
            self._candidate_at = self._reason = None
            return Step.DISCARD
        urgent = candidate is State.FAILING and not (self._reason is Reason.AGE and current is State.READY)
        return self._open(now) if age_s >= (FAILED_CANDIDATE_S if urgent else CONNECTING_CANDIDATE_S) else Step.KEEP

    def _open(self, now: float) -> Step:
        self._candidate_at = now
        return Step.OPEN

    def _swap(self, now: float) -> Step:
        self.opened_at, self._connected_at = now, None
        self._expired, self._candidate_at = False, None
        self.swapped_for, self._reason = self._reason, None
        return Step.SWAP
