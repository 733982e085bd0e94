"""Log lines about the channels to identity and the backends."""

import logging
from dataclasses import dataclass

from centrifugo_proxy.peers.rollover import Reason

logger = logging.getLogger("centrifugo_proxy")
repeating = logging.getLogger("centrifugo_proxy.repeating")  # rate-limited by the site's logging


@dataclass(frozen=True, slots=True)
class PeerLog:
    """Names the peer, as the `service` label of the metrics does, in each line."""

    peer: str

    def channel_replaced(self, reason: Reason) -> None:
        """A replacement because of the channel's age is routine, and not logged."""
        if reason is not Reason.AGE:
            repeating.info("channel replaced", extra={"peer": self.peer, "reason": reason.value})

    def tls_files_taken(self) -> None:
        """New files are in use from the next connection on."""
        logger.info("new TLS files taken", extra={"peer": self.peer})

    def tls_files_refused(self, problem: str) -> None:
        """The files on disk are broken; the ones read before stay in use."""
        logger.error("new TLS files refused, the old ones stay in use: %s", problem, extra={"peer": self.peer})
