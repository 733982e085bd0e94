"""A proxy on loopback that adds TLS with SPIFFE IDs to gRPC channels.

grpcio cannot check a SPIFFE ID. So a channel sends an HTTP CONNECT with the peer's address to this proxy, in plaintext.
The proxy connects to the address with TLS, checks the peer's ID, and then answers 200. Before this answer it forwards
no data in either direction.
"""

import asyncio
import hmac
import re
import secrets
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Final, Protocol, cast

from centrifugo_proxy.peers.spiffe.dial import DialError, Dialler, Peer
from centrifugo_proxy.peers.spiffe.pipes import PeerSide, Piped
from centrifugo_proxy.peers.spiffe.results import OK
from centrifugo_proxy.peers.spiffe.svid import Svid
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource

HEAD_BYTES: Final = 4096
HEAD_S: Final = 3.0
CONNECTIONS: Final = 256
TURNS_TO_ACCEPT: Final = 3  # iterations of the event loop after which asyncio has accepted a waiting connection
# A peer that closes a connection within this time after the handshake may have refused our SVID. With TLS 1.3, the
# handshake of the client succeeds before the server checks the client's certificate. The client sees only the close.
REFUSED_S: Final = 2.0
CONNECT: Final = re.compile(rb"CONNECT (\S+) HTTP/1\.1\r\n")
SECRET: Final = re.compile(rb"\r\nx-tunnel:[ \t]*(\S+)[ \t]*\r\n", re.IGNORECASE)
HEADER: Final = "x-tunnel"


class Report(Protocol):
    """Reports the connections to operators. The only text from the peer in `problem` is its ID, made printable."""

    def dialled(self, peer: str, result: str, problem: str) -> None: ...

    def closed_early(self, peer: str, seconds: float, svid: Svid) -> None: ...


@dataclass(slots=True)
class Tunnel:
    """The listener and its connections. Each peer has a secret, which its channels send with every CONNECT."""

    source: SvidSource
    report: Report
    dialler: Dialler
    head_s: float = HEAD_S
    port: int = 0
    _secrets: dict[bytes, Peer] = field(default_factory=dict)
    _open: set["GrpcSide"] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a port that the kernel chooses."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: GrpcSide(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            for _ in range(TURNS_TO_ACCEPT):  # asyncio's `close` does not close a connection that is being accepted
                await asyncio.sleep(0)
            self._server.close()
            self._server = None
        self.abort_all()

    def admit(self, peer: Peer) -> str:
        """Create a secret with which a channel may connect to this peer."""
        secret = secrets.token_hex(32)
        self._secrets[secret.encode()] = peer
        return secret

    def peer_of(self, head: bytes) -> Peer | None:
        """The peer for the secret in the request head. None if the secret is wrong."""
        given = SECRET.search(head)
        found = None
        for secret, peer in self._secrets.items():
            if given is not None and hmac.compare_digest(secret, given[1]):
                found = peer
        return found

    def has_room(self, connection: "GrpcSide") -> bool:
        """Add a connection. If there are already CONNECTIONS, or after `stop`, returns False and does not add it."""
        if self._server is None or len(self._open) >= CONNECTIONS:  # a connection may be accepted just before `stop`
            return False
        self._open.add(connection)
        return True

    def left(self, connection: "GrpcSide") -> None:
        """Remove a connection."""
        self._open.discard(connection)

    def abort_all(self) -> None:
        """Close every connection immediately."""
        for connection in tuple(self._open):
            connection.abort()


class GrpcSide(Piped):
    """The plaintext side. It receives a CONNECT request, answers 200, and then forwards data."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__()
        self._tunnel = tunnel
        self._head = b""
        self._dialling: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._timer = asyncio.get_running_loop().call_later(self._tunnel.head_s, self.abort)
        if not self._tunnel.has_room(self):
            self._refuse("503 Service Unavailable")

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._head += data
        if self._dialling is not None or len(self._head) > HEAD_BYTES:
            self._refuse("400 Bad Request")  # gRPC sends nothing before our answer
        elif b"\r\n\r\n" in self._head:
            self._head_received()

    def _head_received(self) -> None:
        self._stop_timer()
        target, peer = CONNECT.match(self._head), self._tunnel.peer_of(self._head)
        if target is None or peer is None:
            self._refuse("403 Forbidden")
            return
        address = target[1].decode("latin-1")
        self._dialling = asyncio.get_running_loop().create_task(self._connect(address, peer))

    async def _connect(self, address: str, peer: Peer) -> None:
        try:
            peer_side = await self._tunnel.dialler.dial(address, peer)
        except DialError as error:
            self._tunnel.report.dialled(peer.name, error.result, str(error))
            self._refuse("502 Bad Gateway")
            return
        self._tunnel.report.dialled(peer.name, OK, "")
        self._join(peer_side, peer)

    def _join(self, peer_side: PeerSide, peer: Peer) -> None:
        if self.transport is None or self.transport.is_closing():
            if peer_side.transport is not None:
                peer_side.transport.abort()
            return
        peer_side.on_lost = partial(self._lost, peer.name, monotonic(), self._tunnel.source.svid)
        self.other = peer_side
        self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        peer_side.join(self)

    def _lost(self, name: str, connected_at: float, svid: Svid | None) -> None:
        """Report a lost connection if the peer (not gRPC) has closed it just after the handshake."""
        seconds = monotonic() - connected_at
        closed_by_peer = self.transport is not None and not self.transport.is_closing()
        if svid is not None and closed_by_peer and seconds < REFUSED_S:
            self._tunnel.report.closed_early(name, seconds, svid)

    def _refuse(self, status: str) -> None:
        self._stop_timer()
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
            self.transport.close()

    def abort(self) -> None:
        """Close both sides immediately."""
        for side in (self, self.other):
            if side is not None and side.transport is not None:
                side.transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._dialling is not None:
            self._dialling.cancel()
        self._tunnel.left(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abort()  # an orderly TLS shutdown would wait up to 30 s for the peer
