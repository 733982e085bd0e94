"""Limits messages that could repeat with every request, and counts the suppressed ones."""

from collections.abc import Hashable
from dataclasses import dataclass, field


class ClosedFault(Exception):
    """A fault whose messages come from a small closed set, as do the messages of the log lines about it.

    Such lines are limited for each pair of messages.
    """


@dataclass(slots=True)
class _Since:
    """The time at which a message last passed (monotonic seconds), and the number of suppressed ones since."""

    at: float
    count: int = 0


@dataclass(slots=True)
class Repetition:
    """Passes one message per key in `quiet_s` seconds. Keys must come from a small closed set."""

    quiet_s: float
    _last: dict[Hashable, _Since] = field(default_factory=dict)

    def due(self, key: Hashable, now: float) -> int:
        """0 to suppress the message, else the number of messages that it represents, including itself.

        `now` is monotonic seconds.
        """
        last = self._last.get(key)
        if last is not None and now - last.at < self.quiet_s:
            last.count += 1
            return 0
        self._last[key] = _Since(now)
        return 1 + (last.count if last else 0)
