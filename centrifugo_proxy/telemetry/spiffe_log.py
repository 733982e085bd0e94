"""Log lines and metrics about our SPIFFE identity and the connections made with it. Never shows a key or a secret."""

import logging
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Final

from centrifugo_proxy.peers.spiffe.results import OK, RESULTS
from centrifugo_proxy.telemetry import metrics
from common.repetition import Repetition
from common.timestamps import rfc3339

if TYPE_CHECKING:
    from centrifugo_proxy.peers.spiffe.svid import Svid

QUIET_S: Final = 10.0

logger = logging.getLogger("centrifugo_proxy")


class SpiffeLog:
    """Reports to operators. Failed dials, early closes and an agent without SVIDs: one line in ten seconds per kind."""

    def __init__(self, peers: Iterable[str]) -> None:
        """`peers` are the labels of the peers that will be dialled."""
        self._dials = {(peer, result): metrics.TLS_DIALS.labels(peer, result) for peer in peers for result in RESULTS}
        self._was_connected = False
        self._repetition = Repetition(QUIET_S)

    def svid_taken(self, svid: "Svid") -> None:
        """A new identity or bundle is in use."""
        metrics.SVID_EXPIRY.set(svid.not_after)
        metrics.svid_updates["taken"].inc()
        logger.info("SVID taken", extra=_facts(svid))

    def svid_refused(self, problem: str) -> None:
        """The agent sent an identity that cannot be used; the previous one stays in use."""
        metrics.svid_updates["bad"].inc()
        logger.error("SVID refused, the previous one stays in use: %s", problem)

    def svid_expired(self, svid: "Svid") -> None:
        """Identity and the backends cannot be reached until the agent sends a new SVID."""
        logger.error("SVID expired, its connections are closed", extra=_facts(svid))

    def agent_connected(self, connected: bool, status: str) -> None:
        """The Workload API stream has begun to deliver, or has ended with this gRPC status."""
        metrics.AGENT_CONNECTED.set(connected)
        if connected:
            logger.info("SPIFFE agent connected")
        elif self._was_connected:
            logger.warning("SPIFFE agent lost, the SVID stays in use until it expires", extra={"grpc_status": status})
        else:
            self._warn("SPIFFE agent sends no SVID", status, grpc_status=status)
        self._was_connected = connected

    def dialled(self, peer: str, result: str, problem: str) -> None:
        """A connection to a peer was made, or refused for this problem."""
        self._dials[peer, result].inc()
        if result != OK:
            self._warn("no connection to a peer", f"{peer} {result}", peer=peer, result=result, problem=problem)

    def closed_early(self, peer: str, seconds: float, svid: "Svid") -> None:
        """With TLS 1.3, a peer that refuses our certificate closes the connection after the handshake."""
        ms = round(seconds * 1000)
        message = "a peer closed the connection after the handshake; it may have refused our SVID"
        self._warn(message, peer, peer=peer, ms=ms, **_facts(svid))

    def _warn(self, message: str, key: str, **fields: object) -> None:
        if count := self._repetition.due((message, key), monotonic()):
            logger.warning(message, extra={**fields, "count": count})


def _facts(svid: "Svid") -> dict[str, str]:
    return {"spiffe_id": svid.id, "serial": f"{svid.serial:x}", "expires": rfc3339(svid.not_after)}
