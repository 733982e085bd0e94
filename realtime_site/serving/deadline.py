"""A deadline that is moved often and rarely reached."""

import asyncio
from collections.abc import Callable
from typing import Final

EARLY_S: Final = 0.001  # event loops round timers


def _nothing() -> None:
    """Replaces the function of a deadline that has ended."""


class Deadline:
    """Calls `on_passed` when the deadline passes.

    A move to a later time needs no new timer: the running timer checks the deadline when it fires.
    """

    __slots__ = ("_at", "_loop", "_on_passed", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_passed: Callable[[], None]) -> None:
        self._loop = loop
        self._on_passed = on_passed
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """Set the deadline to a time of the event loop's clock, in seconds."""
        self._at = at
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._look)

    def clear(self) -> None:
        """Suspend the deadline until it is set again."""
        self._at = None

    def end(self) -> None:
        """Cancel the deadline, and release its timer and its function."""
        self._at = None
        self._on_passed = _nothing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._at - self._loop.time() > EARLY_S:
            self.set(self._at)
        else:
            self._at = None
            self._on_passed()
