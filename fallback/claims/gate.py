"""Keeps requests from waiting for a store that does not answer: pure."""

from dataclasses import dataclass
from typing import Final

RETRY_S: Final = 1.0


@dataclass(slots=True)
class Gate:
    """Shut by a failure, opened by a success; while it is shut, one attempt in `RETRY_S` goes through.

    Times are monotonic seconds. An attempt is known by when it began: a failure of one that began before the last
    success says nothing about now.
    """

    open: bool = True
    _tried_at: float = 0.0
    _good_at: float = float("-inf")

    def lets_try(self, now: float) -> bool:
        """Whether an attempt may be made at `now`. A True while the gate is shut uses up the interval."""
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
