"""Limits messages that could repeat with every request, and counts the suppressed messages."""

from collections.abc import Hashable
from dataclasses import dataclass, field


class ClosedFault(Exception):
    """A fault whose message comes from a small fixed set. The message of a log line about such a fault is also fixed.

    Two such log lines are limited together if they have the same message and their faults have the same message.
    """


@dataclass(slots=True)
class _Since:
    """When a message last passed (monotonic seconds), and how many messages were suppressed since then."""

    at: float
    count: int = 0


@dataclass(slots=True)
class Repetition:
    """Lets one message per key pass in `quiet_s` seconds. Keys must come from a small fixed set."""

    quiet_s: float
    _last: dict[Hashable, _Since] = field(default_factory=dict)

    def due(self, key: Hashable, now: float) -> int:
        """0 if the message must be suppressed; otherwise 1 plus the number of messages that were suppressed before it.

        `now` is monotonic seconds.
        """
        last = self._last.get(key)
        if last is not None and now - last.at < self.quiet_s:
            last.count += 1
            return 0
        self._last[key] = _Since(now)
        return 1 + (last.count if last else 0)
