"""The health of a bridge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bridge.kafka.gate import Gate
from bridge.running.bridge import Bridge
from bridge.running.outage import OutageState
from common.timestamps import rfc3339

STUCK_S: Final = 30.0
READY_WITHOUT_PARTITIONS_S: Final = 10.0


@dataclass
class Health:
    """The state behind /health and the probes.

    `clock` is Unix time, and `monotonic` is a monotonic clock. Both are in seconds.
    """

    version: str
    group: str
    gate: Gate
    bridge: Bridge
    outage: Callable[[], OutageState]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    started_at: float
    ending: bool = False

    def body(self) -> dict[str, Any]:
        """The body of /health."""
        outage = self.outage()
        stopped = self.bridge.stopped()
        unserved = len(self.bridge.unserved.partitions & self.bridge.work.assignments.keys())
        failing = outage.since is not None or self.bridge.kafka.reachable is False
        undelivered = self.bridge.letters.undelivered
        degraded = failing or bool(stopped or unserved or undelivered)
        return {
            "status": "degraded" if degraded else "ok",
            "version": self.version,
            "group": self.group,
            "assigned": len(self.bridge.work.assignments),
            "pending": self.bridge.work.pending,
            "paused": self.gate.paused,
            "centrifugo": {
                "reachable": outage.since is None,
                "since": None if outage.since is None else self._at(outage.since),
                "tries": outage.tries,
            },
            "kafka": {"reachable": self.bridge.kafka.reachable is True},
            "unserved": unserved,
            "stopped": [
                {
                    "topic": each.partition.topic,
                    "partition": each.partition.number,
                    "offset": each.offset,
                    "reason": each.reason,
                }
                for each in stopped
            ],
            "dead_letters": self.bridge.dead_letters,
            "undelivered_dead_letters": undelivered,
        }

    def _at(self, monotonic_s: float) -> str:
        return rfc3339(self.clock() - (self.monotonic() - monotonic_s))

    @property
    def poll_age_s(self) -> float:
        """Seconds since the poller's last iteration; 0 before the first."""
        return self.monotonic() - self.gate.turned_at if self.gate.turned_at else 0.0

    @property
    def live(self) -> bool:
        """False while the poller is stuck, except during shutdown.

        An outage of Kafka or Centrifugo does not stop the poller. A rebalance stops the poller while the bridge waits
        for commands in flight (BRIDGE_DRAIN_MS) and while it commits.
        """
        return self.ending or self.poll_age_s < STUCK_S

    @property
    def ready(self) -> bool:
        """True from the first assignment, or READY_WITHOUT_PARTITIONS_S after startup, until shutdown begins."""
        waited = self.monotonic() - self.started_at >= READY_WITHOUT_PARTITIONS_S
        return not self.ending and (self.bridge.ever_assigned or waited)
