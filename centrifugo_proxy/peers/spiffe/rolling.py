"""Channels through the tunnel, and the task that keeps the identity up to date. A new identity needs new channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from grpc import aio

from centrifugo_proxy.peers.channel_options import Options
from centrifugo_proxy.peers.spiffe.dial import Dialler, Peer
from centrifugo_proxy.peers.spiffe.ids import has_ip_addresses
from centrifugo_proxy.peers.spiffe.tunnel import HEADER, Tunnel
from centrifugo_proxy.peers.spiffe.tunnel import Report as TunnelReport
from centrifugo_proxy.peers.spiffe.workload_api import Report as SvidReport
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from common.background import in_background

TICK_S: Final = 0.5
# This option lists the addresses to which gRPC connects through `grpc.address_http_proxy`. It is empty in channels
# without SPIFFE, and has all addresses here.
REPLACED: Final = "grpc.address_http_proxy_enabled_addresses"


class SpiffeSource:
    """Channels to one peer, with the newest identity."""

    def __init__(self, target: str, options: Options, tunnel: Tunnel, peer: Peer) -> None:
        """Raises ValueError for a target whose connections would bypass the tunnel."""
        if not has_ip_addresses(target):
            raise ValueError(f"{target} has no IP addresses, so its connections cannot go through the tunnel")
        self._target, self._tunnel = target, tunnel
        self._options = (
            *(option for option in options if option[0] != REPLACED),
            ("grpc.address_http_proxy", f"127.0.0.1:{tunnel.port}"),
            (REPLACED, "0.0.0.0/0,::/0"),
            ("grpc.http_connect_headers", f"{HEADER}:{tunnel.admit(peer)}"),
        )
        self._generation = tunnel.source.generation

    def open(self) -> aio.Channel:
        return aio.insecure_channel(self._target, options=self._options)

    def changed(self) -> bool:
        """True if there is a new identity or bundle since the last call of this method."""
        before, self._generation = self._generation, self._tunnel.source.generation
        return self._generation != before


class Report(SvidReport, TunnelReport, Protocol):
    """Reports events of our identity, and of the connections made with it, to operators."""


@asynccontextmanager
async def open_tunnel(source: SvidSource, report: Report) -> AsyncIterator[Tunnel]:
    """A running tunnel whose identity is kept up to date. Its connections end when the identity expires."""
    tunnel = Tunnel(source, report, Dialler(source))
    await tunnel.start()
    try:
        async with in_background(source.run(), _watch_expiry(tunnel)):
            yield tunnel
    finally:
        await tunnel.stop()


async def _watch_expiry(tunnel: Tunnel) -> None:
    """Close all connections when the SVID expires. Otherwise they would stay open."""
    while True:
        if tunnel.source.expired():
            tunnel.abort_all()
        await asyncio.sleep(TICK_S)
