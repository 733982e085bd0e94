"""Prevents requests from waiting for a store that does not answer. Pure."""

from dataclasses import dataclass
from typing import Final

RETRY_S: Final = 1.0


@dataclass(slots=True)
class Gate:
    """Allows or refuses calls of the store. A failed call closes the gate, and a successful call opens it.

    While the gate is closed, it allows one attempt per `RETRY_S` seconds. A failure is ignored if its attempt began
    before the last success. Times are monotonic seconds.
    """

    open: bool = True
    _tried_at: float = 0.0
    _good_at: float = float("-inf")

    def allows_call(self, now: float) -> bool:
        """True if an attempt may be made at `now`. If the gate is closed, this attempt starts a new interval."""
        if not self.open and now - self._tried_at < RETRY_S:
            return False
        self._tried_at = now
        return True

    def failed(self, begun: float, now: float) -> None:
        """An attempt that began at `begun` failed at `now`."""
        if begun >= self._good_at:
            self.open = False
            self._tried_at = now

    def succeeded(self, now: float) -> None:
        """An attempt was answered at `now`."""
        self.open = True
        self._good_at = now
