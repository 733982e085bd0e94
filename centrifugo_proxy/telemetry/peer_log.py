"""Log lines about the channels to identity and the backends."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from centrifugo_proxy.peers.rollover import Reason
from common.repetition import Repetition

QUIET_S: Final = 10.0

logger = logging.getLogger("centrifugo_proxy")


@dataclass(frozen=True, slots=True)
class PeerLog:
    """Log lines about one peer. `peer` is its name, as in the `peer` label of realtime_tls_dials_total."""

    peer: str
    monotonic: Callable[[], float] = monotonic
    _repetition: Repetition = field(default_factory=lambda: Repetition(QUIET_S))

    def channel_replaced(self, reason: Reason) -> None:
        """At most one line in ten seconds for each reason. A replacement because of age is routine, and not logged."""
        if reason is not Reason.AGE and (count := self._repetition.due(reason, self.monotonic())):
            logger.info("channel replaced", extra={"peer": self.peer, "reason": reason.value, "count": count})

    def tls_files_taken(self) -> None:
        """New files are in use from the next connection on."""
        logger.info("new TLS files taken", extra={"peer": self.peer})

    def tls_files_refused(self, problem: str) -> None:
        """The new files on disk are broken. The files that were read before stay in use."""
        logger.error("new TLS files refused, the old ones stay in use: %s", problem, extra={"peer": self.peer})
