"""Tracks whether Kafka answers this process, and which partitions it cannot serve."""

import logging
from collections.abc import Collection, Mapping
from typing import Final

from bridge.delivery.work import Partition
from bridge.kafka.errors import at

MOST_LISTED: Final = 10

logger = logging.getLogger("bridge")


class Reachability:
    """`reachable` is None until Kafka has answered or failed.

    Logs each error of an outage once, and the end of the outage.
    """

    def __init__(self) -> None:
        self.reachable: bool | None = None
        self._problems: set[str] = set()

    def failed(self, reason: str) -> None:
        """Note that Kafka cannot be reached; `reason` is the library's name of the error."""
        if reason not in self._problems:  # in an outage, the library repeats several errors in turn
            logger.warning("Kafka does not answer; reconnecting", extra={"error": reason})
        self.reachable = False
        self._problems.add(reason)

    def answered(self) -> None:
        """Note that Kafka has answered."""
        if self.reachable is False:
            logger.info("Kafka answers again")
        self.reachable = True
        self._problems.clear()


class Unserved:
    """`partitions` are the partitions that Kafka could not serve twice in a row: their leader is missing or silent.

    A single error is usual after a change of the leader. Logs when partitions are added, and when none is left.
    """

    def __init__(self) -> None:
        self.partitions: frozenset[Partition] = frozenset()
        self._last: frozenset[Partition] = frozenset()

    def note(self, errors: Mapping[Partition, str], served: Collection[Partition]) -> None:
        """Note the partitions that Kafka could not serve, with the names of the errors, and the served partitions."""
        found = self._last & errors.keys()
        if found - self.partitions:
            listed = ", ".join(at(partition, errors[partition]) for partition in sorted(found)[:MOST_LISTED])
            logger.warning(
                "Kafka cannot serve partitions; their events wait", extra={"partitions": len(found), "first": listed}
            )
        elif self.partitions and not found:
            self._log_end(served)
        self.partitions, self._last = found, frozenset(errors)

    def _log_end(self, served: Collection[Partition]) -> None:
        """Log why no partition is left: Kafka serves all of them again, or this process no longer reads some of them.

        A partition that is no longer read has moved to another process, or its topic has been deleted. Kafka may still
        be unable to serve it.
        """
        if gone := self.partitions.difference(served):
            listed = ", ".join(f"{partition.topic}:{partition.number}" for partition in sorted(gone)[:MOST_LISTED])
            logger.info(
                "this process no longer reads the partitions that Kafka could not serve",
                extra={"partitions": len(gone), "first": listed},
            )
        else:
            logger.info("Kafka serves all partitions again")
