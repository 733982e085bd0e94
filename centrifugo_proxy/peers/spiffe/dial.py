"""Connects to peers over TLS, and checks their SPIFFE IDs."""

import asyncio
import ipaddress
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from centrifugo_proxy.peers.spiffe import verify
from centrifugo_proxy.peers.spiffe.contexts import NoBundle, client_context
from centrifugo_proxy.peers.spiffe.pipes import PeerSide
from centrifugo_proxy.peers.spiffe.results import BAD_CERTIFICATE, NO_SVID, UNREACHABLE, WRONG_ID
from centrifugo_proxy.peers.spiffe.verify import WrongCertificate, WrongId
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from common.os_errors import reason

DIAL_S: Final = 3.0


class Peer(NamedTuple):
    """A peer and its accepted IDs, which are all in one trust domain.

    Each peer has a different `name`, which is the key of its cached TLS context. Logs and metrics show the name.
    """

    name: str
    ids: frozenset[str]


class DialError(Exception):
    """The connection failed or was refused. `result` is one of RESULTS."""

    def __init__(self, result: str, problem: str) -> None:
        super().__init__(problem)
        self.result = result


@dataclass(slots=True)
class Dialler:
    """Opens connections with the newest identity of `source`."""

    source: SvidSource
    _contexts: dict[str, tuple[int, ssl.SSLContext]] = field(default_factory=dict)

    async def dial(self, address: str, peer: Peer) -> PeerSide:
        """A connection to a peer whose ID has been checked. Raises DialError."""
        context = self._context(peer)
        host, port = _host_port(address)
        # With an empty server_hostname, no SNI is sent, and OpenSSL compares no host name.
        connecting = asyncio.get_running_loop().create_connection(PeerSide, host, port, ssl=context, server_hostname="")
        try:
            async with asyncio.timeout(DIAL_S):
                transport, protocol = await connecting
        except ssl.SSLCertVerificationError as error:
            raise DialError(BAD_CERTIFICATE, f"its certificate is refused: {error.verify_message}") from None
        except ssl.SSLError as error:
            raise DialError(BAD_CERTIFICATE, f"the TLS handshake failed: {error.reason}") from None
        except (OSError, TimeoutError, OverflowError) as error:  # OverflowError for a port above 65535
            raise DialError(UNREACHABLE, f"the connection failed: {type(error).__name__}") from None
        _check(transport, peer)
        return protocol

    def _context(self, peer: Peer) -> ssl.SSLContext:
        svid = self.source.current()
        if svid is None:
            raise DialError(NO_SVID, "this service has no valid SVID")
        known = self._contexts.get(peer.name)
        if known is None or known[0] != self.source.generation:
            try:
                known = (self.source.generation, client_context(svid, next(iter(peer.ids))))
            except NoBundle:
                raise DialError(BAD_CERTIFICATE, "its trust domain is not federated with ours") from None
            except OSError as error:  # includes OpenSSL's errors
                raise DialError(NO_SVID, f"our SVID or the trust bundle cannot be loaded ({reason(error)})") from None
            self._contexts[peer.name] = known
        return known[1]


def _check(transport: asyncio.Transport, peer: Peer) -> None:
    """Close a connection to an unexpected peer. Raises DialError."""
    connection: ssl.SSLObject = transport.get_extra_info("ssl_object")
    try:
        verify.check(connection.getpeercert(binary_form=True) or b"", peer.ids)
    except WrongCertificate as wrong:
        transport.abort()
        result = WRONG_ID if isinstance(wrong, WrongId) else BAD_CERTIFICATE
        raise DialError(result, f"its certificate {wrong}") from None
    if connection.selected_alpn_protocol() != "h2":
        transport.abort()
        raise DialError(BAD_CERTIFICATE, "it does not support HTTP/2 (ALPN)")


def _host_port(address: str) -> tuple[str, int]:
    """The parts of 10.0.0.7:50051 or [fd00::7]:50051. Raises DialError."""
    host, _, port = address.rpartition(":")
    with suppress(ValueError):
        return str(ipaddress.ip_address(host.strip("[]"))), int(port)
    raise DialError(UNREACHABLE, "the target is not an IP address and a port")
