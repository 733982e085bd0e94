"""The tunnel alone: which requests it accepts, which peers it connects to, and what it forwards."""

import asyncio
import errno
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from centrifugo_proxy.peers.spiffe.dial import Dialler, Peer
from centrifugo_proxy.peers.spiffe.tunnel import CONNECTIONS, Tunnel
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from tests.harness.late_connection import warnings_of_late_connection
from tests.harness.spiffe import IDENTITY, OTHER, US, Leaf, TrustDomain
from tests.harness.spiffe_reports import SpiffeReports
from tests.harness.tcp_server import tcp_server

DOMAIN = TrustDomain()
PEER = Peer("identity", frozenset({IDENTITY}))


@asynccontextmanager
async def tunnel(reports: SpiffeReports, *, svid: bool = True, head_s: float = 3) -> AsyncIterator[Tunnel]:
    """A running tunnel, with or without an SVID."""
    source = SvidSource("unix:///nowhere", reports)
    if svid:
        source.take(DOMAIN.response(US, DOMAIN.issue(US)))
    running = Tunnel(source, reports, Dialler(source), head_s=head_s)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


class TlsPeer:
    """A TLS server. It sends `greeting` at once. Then it records all bytes that it receives, and sends them back."""

    def __init__(self, folder: Path, leaf: Leaf, greeting: bytes, alpn: str = "h2") -> None:
        self.received, self.greeting, self.connections, self.open = b"", greeting, 0, 0
        key, certificate = leaf.pem_pair()
        (folder / "pair.pem").write_bytes(key + certificate)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "pair.pem")
        self.context.set_alpn_protocols([alpn])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        writer.write(self.greeting)
        with suppress(OSError):
            while data := await reader.read(65536):
                self.received += data
                writer.write(data)
        self.open -= 1
        writer.close()


@asynccontextmanager
async def tls_peer(
    folder: Path, leaf: Leaf, greeting: bytes = b"", alpn: str = "h2"
) -> AsyncIterator[tuple[TlsPeer, str]]:
    """A running TlsPeer and its address."""
    peer = TlsPeer(folder, leaf, greeting, alpn)
    async with tcp_server(peer.serve, peer.context) as port:
        yield peer, f"127.0.0.1:{port}"


async def ask(running: Tunnel, head: bytes, then: bytes = b"") -> bytes:
    """Send `head`, and return the tunnel's whole answer.

    If `then` is given, also send `then`, and return all bytes until the peer has sent it back.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(head)
    answer = b""
    async with asyncio.timeout(10):
        with suppress(OSError, EOFError):
            answer = await reader.readuntil(b"\r\n\r\n")
            if then:
                writer.write(then)
                while then not in answer and (more := await reader.read(65536)):
                    answer += more
            else:
                answer += await reader.read() if not answer.startswith(b"HTTP/1.1 200") else b""
    writer.close()
    return answer


def connect(address: str, secret: str) -> bytes:
    """The request head that gRPC sends."""
    lines = (f"CONNECT {address} HTTP/1.1", f"Host: {address}", "User-Agent: grpc-httpcli/0.0", f"x-tunnel: {secret}")
    return "\r\n".join((*lines, "", "")).encode()


async def test_bytes_pass_both_ways_after_the_tunnels_200_and_earlier_bytes_of_the_peer_are_not_lost(
    tmp_path: Path,
) -> None:
    reports = SpiffeReports()

    async with tls_peer(tmp_path, DOMAIN.issue(IDENTITY), b"SETTINGS") as (peer, address), tunnel(reports) as running:
        answer = await ask(running, connect(address, running.admit(PEER)), then=b"ping" * 50_000)

    assert answer == b"HTTP/1.1 200 OK\r\n\r\n" + b"SETTINGS" + b"ping" * 50_000
    assert peer.received == b"ping" * 50_000
    assert reports.dials == [("identity", "ok", "")]


BAD_PEERS = {
    "another ID": (DOMAIN.issue(OTHER), "h2", "wrong_id"),
    "two IDs": (DOMAIN.issue(IDENTITY, OTHER), "h2", "bad_certificate"),
    "another authority": (TrustDomain().issue(IDENTITY), "h2", "bad_certificate"),
    "expired": (DOMAIN.issue(IDENTITY, life_s=-1), "h2", "bad_certificate"),
    "an authority": (DOMAIN.issue(IDENTITY, ca=True), "h2", "bad_certificate"),
    "no HTTP/2": (DOMAIN.issue(IDENTITY), "http/1.1", "bad_certificate"),
}


@pytest.mark.parametrize(("leaf", "alpn", "result"), BAD_PEERS.values(), ids=BAD_PEERS)
async def test_no_byte_reaches_a_peer_with_a_wrong_certificate_or_without_http2(
    tmp_path: Path, leaf: Leaf, alpn: str, result: str
) -> None:
    reports = SpiffeReports()

    async with tls_peer(tmp_path, leaf, alpn=alpn) as (peer, address), tunnel(reports) as running:
        answer = await ask(running, connect(address, running.admit(PEER)), then=b"a-ticket")
        async with asyncio.timeout(5):  # an orderly TLS shutdown could take 30 s
            while peer.open:
                await asyncio.sleep(0.01)

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert peer.received == b""
    assert [(name, seen) for name, seen, _ in reports.dials] == [("identity", result)]


@pytest.mark.parametrize(
    "head",
    [
        connect("127.0.0.1:1", "0" * 64),
        b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx-tunnel: \r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ],
)
async def test_a_request_without_a_valid_secret_is_refused(head: bytes) -> None:
    reports = SpiffeReports()

    async with tunnel(reports) as running:
        running.admit(PEER)
        answer = await ask(running, head)

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert reports.dials == []


async def test_the_secret_for_one_peer_does_not_open_a_connection_to_another_peer(tmp_path: Path) -> None:
    reports = SpiffeReports()

    async with tls_peer(tmp_path, DOMAIN.issue(IDENTITY)) as (peer, address), tunnel(reports) as running:
        running.admit(PEER)
        secret = running.admit(Peer("family_service", frozenset({OTHER})))
        answer = await ask(running, connect(address, secret), then=b"a-ticket")

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert (peer.received, reports.results()) == (b"", {"wrong_id"})


async def test_a_request_head_that_is_too_long_or_too_slow_ends_the_connection() -> None:
    async with tunnel(SpiffeReports(), head_s=0.2) as running:
        long = await ask(running, b"CONNECT " + b"x" * 5000)
        slow = await ask(running, b"CONNECT ")

    assert long.startswith(b"HTTP/1.1 400 ")
    assert slow == b""


async def test_a_dial_without_an_svid_fails_at_once_and_abort_all_ends_open_connections(
    tmp_path: Path,
) -> None:
    reports = SpiffeReports()

    async with tls_peer(tmp_path, DOMAIN.issue(IDENTITY)) as (peer, address), tunnel(reports, svid=False) as running:
        refused = await ask(running, connect(address, running.admit(PEER)))
        running.source.take(DOMAIN.response(US, DOMAIN.issue(US)))
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(connect(address, running.admit(PEER)))
        await reader.readuntil(b"\r\n\r\n")
        running.abort_all()
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()

    assert refused.startswith(b"HTTP/1.1 502 ")
    assert reports.results() == {"no_svid", "ok"}
    assert peer.connections == 1


async def test_a_dial_is_refused_if_the_process_has_no_free_file_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, flags: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    reports = SpiffeReports()

    async with tunnel(reports) as running:
        answer = await ask(running, connect("127.0.0.1:1", running.admit(PEER)))

    assert answer.startswith(b"HTTP/1.1 502 ")
    problem = "our SVID or the trust bundle cannot be loaded (Too many open files)"
    assert reports.dials == [("identity", "no_svid", problem)]


async def test_a_peer_in_a_trust_domain_that_is_not_federated_is_refused() -> None:
    reports = SpiffeReports()

    async with tunnel(reports) as running:
        stranger = Peer("identity", frozenset({"spiffe://other.org/identity"}))
        answer = await ask(running, connect("127.0.0.1:1", running.admit(stranger)))

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert reports.dials == [("identity", "bad_certificate", "its trust domain is not federated with ours")]


async def test_a_closed_port_and_a_host_name_and_an_invalid_port_are_unreachable() -> None:
    reports = SpiffeReports()

    async with tunnel(reports) as running:
        for address in ("127.0.0.1:1", "identity.example:50051", "127.0.0.1:x", "127.0.0.1:65536"):
            answer = await ask(running, connect(address, running.admit(PEER)))
            assert answer.startswith(b"HTTP/1.1 502 ")

    assert reports.results() == {"unreachable"}


async def test_a_peer_that_speaks_no_tls_or_closes_during_the_handshake_is_refused() -> None:
    async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async def answer_without_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"PRI * HTTP/2.0\r\n\r\n")
        await reader.read()
        writer.close()

    reports = SpiffeReports()
    for serve in (close_at_once, answer_without_tls):
        async with tcp_server(serve) as port, tunnel(reports) as running:
            answer = await ask(running, connect(f"127.0.0.1:{port}", running.admit(PEER)))
            assert answer.startswith(b"HTTP/1.1 502 ")

    assert set() < reports.results() <= {"bad_certificate", "unreachable"}


@pytest.mark.parametrize("turns", range(5))
def test_a_connection_that_is_accepted_while_the_tunnel_stops_is_closed(turns: int) -> None:
    warned = warnings_of_late_connection(lambda: tunnel(SpiffeReports()), lambda running: running.port, turns)

    assert warned == []


async def test_the_number_of_connections_is_limited() -> None:
    async with tunnel(SpiffeReports(), head_s=30) as running:
        held = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(CONNECTIONS)]
        async with asyncio.timeout(10):
            while (answer := await ask(running, b"")) == b"":
                await asyncio.sleep(0.05)
        for _, writer in held:
            writer.close()

    assert answer.startswith(b"HTTP/1.1 503 ")
