"""Opens this workload's SPIFFE identity for connections to peers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from centrifugo_proxy.peers import backends
from centrifugo_proxy.peers.channel_options import Options
from centrifugo_proxy.peers.spiffe.dial import Peer
from centrifugo_proxy.peers.spiffe.rolling import SpiffeSource, open_tunnel
from centrifugo_proxy.peers.spiffe.tunnel import Tunnel
from centrifugo_proxy.peers.spiffe.workload_api import SvidSource
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.telemetry.spiffe_log import SpiffeLog
from common.startup import StartupRefused

if TYPE_CHECKING:
    from django.conf import LazySettings


class NoSvidError(StartupRefused):
    """No usable SVID arrived in time, and SPIFFE_STARTUP is require."""


@asynccontextmanager
async def open_workload_identity(settings: "LazySettings") -> AsyncIterator[Tunnel]:
    """The tunnel to all configured peers. It waits for a usable SVID, but at most SPIFFE_STARTUP_WAIT_S seconds.

    Raises NoSvidError.
    """
    log = SpiffeLog(peer_ids(settings))
    source = SvidSource(settings.SPIFFE_ENDPOINT_SOCKET, log, settings.SPIFFE_ID)
    async with open_tunnel(source, log) as tunnel:
        await _first_svid(settings, source)
        yield tunnel


async def _first_svid(settings: "LazySettings", source: SvidSource) -> None:
    try:
        async with asyncio.timeout(settings.SPIFFE_STARTUP_WAIT_S):
            await source.first.wait()
    except TimeoutError:
        if settings.SPIFFE_STARTUP == "require":
            raise NoSvidError(
                f"No usable SVID arrived within {settings.SPIFFE_STARTUP_WAIT_S} s (SPIFFE_STARTUP_WAIT_S), and "
                "SPIFFE_STARTUP is require. Check that the agent runs and that this workload is registered."
            ) from None


def peer_ids(settings: "LazySettings") -> dict[str, frozenset[str]]:
    """The SPIFFE IDs that are accepted from each configured peer, by the peer's label in metrics."""
    ids = {metrics.IDENTITY: frozenset(settings.IDENTITY_SPIFFE_ID)}
    if settings.FAMILY_SERVICE_GRPC_ADDRESS:
        ids[backends.FAMILY_SERVICE] = frozenset(settings.FAMILY_SERVICE_SPIFFE_ID)
    for name in settings.RPC_BACKENDS:
        ids[backends.rpc_backend(name)] = frozenset({settings.RPC_BACKENDS_SPIFFE_IDS[name]})
    return ids


def spiffe_source(settings: "LazySettings", tunnel: Tunnel, label: str, target: str, options: Options) -> SpiffeSource:
    """The source of channels to the peer with this label."""
    return SpiffeSource(target, options, tunnel, Peer(label, peer_ids(settings)[label]))
