"""Tracks whether Centrifugo gives usable answers. Pure: time is an argument.

A response with a status such as 401 or 503 counts as a failure.
"""

from typing import NamedTuple


class OutageState(NamedTuple):
    """`since` is in seconds of the caller's clock; None if there is no outage. `tries` is the number of failures."""

    since: float | None
    tries: int


class Outage:
    """Counts the failures since the last usable answer."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._tries = 0

    @property
    def open(self) -> bool:
        """True while Centrifugo gives no usable answer."""
        return self._since is not None

    @property
    def state(self) -> OutageState:
        """The current state."""
        return OutageState(self._since, self._tries)

    def failed(self, now: float) -> bool:
        """Note a request without a usable answer. True if this begins an outage."""
        began = self._since is None
        if began:
            self._since = now
        self._tries += 1
        return began

    def answered(self) -> OutageState | None:
        """Note a request with a usable answer. Returns the outage that the answer ends, if any."""
        if self._since is None:
            return None
        ended = self.state
        self._since, self._tries = None, 0
        return ended
