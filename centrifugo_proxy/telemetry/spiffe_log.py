"""Log lines and metrics about our SPIFFE identity and the connections made with it. Never shows a key or a secret."""

import logging
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Final

from centrifugo_proxy.peers.spiffe.results import OK, RESULTS
from centrifugo_proxy.telemetry import metrics
from common.repetition import Repetition
from common.timestamps import rfc3339

if TYPE_CHECKING:
    from centrifugo_proxy.peers.spiffe.svid import Svid

QUIET_S: Final = 10.0
LOST: Final = "SPIFFE agent lost, any SVID stays in use until it expires"

logger = logging.getLogger("centrifugo_proxy")


class SpiffeLog:
    """Reports to operators. Each kind of warning, and a new SVID, is logged at most once in ten seconds.

    The flood filter of the log limits the errors.
    """

    def __init__(self, peers: Iterable[str], monotonic: Callable[[], float] = monotonic) -> None:
        """`peers` are the labels of the peers to which the service connects."""
        self._dials = {(peer, result): metrics.TLS_DIALS.labels(peer, result) for peer in peers for result in RESULTS}
        self._was_connected = False
        self._logged_connected = False
        self._monotonic = monotonic
        self._repetition = Repetition(QUIET_S)

    def svid_taken(self, svid: "Svid") -> None:
        """A new identity or bundle is in use."""
        metrics.SVID_EXPIRY.set(svid.not_after)
        metrics.svid_updates["taken"].inc()
        self._log(logging.INFO, "SVID taken", "", **_facts(svid))

    def svid_refused(self, problem: str) -> None:
        """The agent sent an SVID that cannot be used. If there is a previous SVID, it stays in use."""
        metrics.svid_updates["bad"].inc()
        logger.error("SVID refused, any previous one stays in use: %s", problem)

    def svid_expired(self, svid: "Svid") -> None:
        """The identity service and the backends cannot be reached until the agent sends a new SVID."""
        logger.error("SVID expired, its connections are closed", extra=_facts(svid))

    def agent_connected(self, connected: bool, status: str) -> None:
        """The stream of the Workload API has begun to deliver SVIDs, or has ended with this gRPC status."""
        metrics.AGENT_CONNECTED.set(connected)
        if not connected:
            message = LOST if self._was_connected else "SPIFFE agent sends no SVID"
            if self._log(logging.WARNING, message, status, grpc_status=status):
                self._logged_connected = False
        elif not self._logged_connected:  # no line about the agent yet, or the last one says that it is not connected
            logger.info("SPIFFE agent connected")
            self._logged_connected = True
        self._was_connected = connected

    def dialled(self, peer: str, result: str, problem: str) -> None:
        """A connection to a peer was made, or failed with this problem."""
        self._dials[peer, result].inc()
        if result != OK:
            key = f"{peer} {result}"
            self._log(logging.WARNING, "no connection to a peer", key, peer=peer, result=result, problem=problem)

    def closed_early(self, peer: str, seconds: float, svid: "Svid") -> None:
        """With TLS 1.3, a peer that refuses our certificate closes the connection after the handshake."""
        ms = round(seconds * 1000)
        message = "a peer closed the connection after the handshake; it may have refused our SVID"
        self._log(logging.WARNING, message, peer, peer=peer, ms=ms, **_facts(svid))

    def _log(self, level: int, message: str, key: str, **fields: object) -> bool:
        """Log the line, at most once in ten seconds for each message and key. True if the line was logged."""
        count = self._repetition.due((message, key), self._monotonic())
        if count:
            logger.log(level, message, extra={**fields, "count": count})
        return count > 0


def _facts(svid: "Svid") -> dict[str, str]:
    return {"spiffe_id": svid.id, "serial": f"{svid.serial:x}", "expires": rfc3339(svid.not_after)}
