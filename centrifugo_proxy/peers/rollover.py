"""Decides when a channel is replaced. Pure: every time is an argument, in seconds of one monotonic clock.

gRPC waits for minutes between two lookups of a name that was not found, keeps a connection to a silent host, and looks
names up only when a connection is lost. A fresh channel does all of that anew. It takes over once it is connected, so
that a replacement never costs a call.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

# A channel that has not been connected for this long gets a candidate.
FAILING_S: Final = 1.0
# A candidate that failed is followed by another after this long; one that still connects has longer, as a slow name
# server must be able to answer.
FAILED_CANDIDATE_S: Final = 1.0
CONNECTING_CANDIDATE_S: Final = 5.0
# At most one replacement in this time because calls run into their deadline: a service that is merely slow keeps its
# connections.
SILENT_S: Final = 5.0
# The channel to a name is replaced at this age, to find new addresses within half a minute.
AGE_S: Final = 25.0
# New credentials are used after this long even by a candidate that is not connected.
CREDENTIALS_S: Final = 2.0


class State(Enum):
    """The connectivity of a channel."""

    READY = "ready"
    CONNECTING = "connecting"
    FAILING = "failing"


class Step(Enum):
    """What to do about a channel now. At most one candidate exists."""

    KEEP = "keep"
    OPEN = "open a candidate in place of the one there is"
    DISCARD = "close the candidate"
    SWAP = "let the candidate take over"


class Reason(Enum):
    """Why a channel is replaced."""

    FAILING = "not connected"
    SILENT = "calls ran into their deadline"
    AGE = "its age"
    CREDENTIALS = "new credentials"


@dataclass(slots=True)
class Rollover:
    """What is known about the channel in use and its candidate. `age_s` is None where no address can change."""

    opened_at: float
    age_s: float | None = None
    swapped_for: Reason | None = None  # of the latest swap
    _reason: Reason | None = None
    _connected_at: float | None = None
    _expired: bool = False
    _candidate_at: float | None = None

    def call_expired(self) -> None:
        """A call on the channel in use ran into its deadline."""
        self._expired = True

    def credentials_changed(self) -> None:
        """The next candidate has other credentials: an older one is of no use."""
        self._reason, self._candidate_at = Reason.CREDENTIALS, None

    def step(self, now: float, current: State, candidate: State | None) -> Step:
        """What to do, given the states of both channels. The caller does it before it asks again."""
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
