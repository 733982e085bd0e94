"""The sender's limits, and the interface of its observer."""

from dataclasses import dataclass
from typing import Protocol

from bridge.delivery.work import Sending


@dataclass(frozen=True)
class Limits:
    """How much goes out at once; `max_attempts` 0: a temporary error is tried again for ever."""

    requests: int
    batch_max: int
    batch_bytes: int
    max_attempts: int


class Observer(Protocol):
    """Hears what happens, for metrics."""

    def requesting(self, commands: int) -> None:
        """A request of so many commands begins."""

    def requested(self, seconds: float) -> None:
        """It is over, after this time."""

    def command_ended(self, task: Sending, *, permanent: bool) -> None:
        """A command is done, or failed for good."""

    def retried(self, cause: str, commands: int) -> None:
        """So many commands will be sent again."""
