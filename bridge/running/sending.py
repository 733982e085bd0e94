"""The sender's limits, and the interface of its observer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.delivery.work import Sending


@dataclass(frozen=True)
class Limits:
    """Limits for concurrent sending. `max_attempts` 0 = temporary errors are retried without limit."""

    requests: int
    batch_max: int
    batch_bytes: int
    max_attempts: int


class Observer(Protocol):
    """Receives the sender's events, for metrics."""

    def requesting(self, commands: int) -> None:
        """A request with this many commands begins."""

    def requested(self, seconds: float) -> None:
        """The request has ended after this time."""

    def done(self, tasks: Sequence[Sending]) -> None:
        """These commands of a request are done."""

    def failed(self, task: Sending) -> None:
        """A command failed permanently."""

    def retried(self, cause: str, commands: int) -> None:
        """This many commands will be sent again."""
