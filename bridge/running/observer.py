"""Metrics about the sender."""

from collections.abc import Callable, Sequence
from typing import Final

from bridge.commands import DONE
from bridge.delivery.work import Sending
from bridge.running.metrics import PERMANENT, Metrics

UNKNOWN_TIME: Final = -1


class MetricsObserver:
    """Counts requests and commands. `clock` is Unix time in seconds."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock

    def done(self, tasks: Sequence[Sending]) -> None:
        """Count commands that are done, and their ages."""
        now = self._clock()
        for task in tasks:
            command, timestamp_ms = task.command, task.owner.timestamp_ms
            self._metrics.command_ended(command, DONE)
            if timestamp_ms != UNKNOWN_TIME:
                self._metrics.ages.observe(command.route, max(0.0, now - timestamp_ms / 1000))

    def failed(self, task: Sending) -> None:
        """Count a command that failed permanently."""
        self._metrics.command_ended(task.command, PERMANENT)

    def requesting(self, commands: int) -> None:
        """Count a request to Centrifugo that begins."""
        self._metrics.batch.observe(commands)
        self._metrics.in_flight.inc()

    def requested(self, seconds: float) -> None:
        """Count a request that has ended, and its duration."""
        self._metrics.request_duration.observe(seconds)
        self._metrics.in_flight.dec()

    def retried(self, cause: str, commands: int) -> None:
        """Count commands that will be sent again."""
        self._metrics.retries.labels(cause).inc(commands)
