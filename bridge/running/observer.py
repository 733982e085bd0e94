"""Metrics about the sender."""

from collections.abc import Callable
from typing import Final

from bridge.delivery.work import Sending
from bridge.running.metrics import Metrics

UNKNOWN_TIME: Final = -1


class MetricsObserver:
    """Counts requests and commands. `clock` is Unix time in seconds."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock

    def command_ended(self, task: Sending, *, permanent: bool) -> None:
        """A command has finished."""
        timestamp_ms = task.owner.timestamp_ms
        age_s = None if timestamp_ms == UNKNOWN_TIME else max(0.0, self._clock() - timestamp_ms / 1000)
        self._metrics.command_ended(task.command, permanent=permanent, age_s=age_s)

    def requesting(self, commands: int) -> None:
        """A request to Centrifugo begins."""
        self._metrics.batch.observe(commands)
        self._metrics.in_flight.inc()

    def requested(self, seconds: float) -> None:
        """The request has ended."""
        self._metrics.request_duration.observe(seconds)
        self._metrics.in_flight.dec()

    def retried(self, cause: str, commands: int) -> None:
        """Commands will be sent again."""
        self._metrics.retries.labels(cause).inc(commands)
