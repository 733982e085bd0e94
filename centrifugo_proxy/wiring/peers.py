"""Opens the channels to identity, the family service and the rpc backends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.channel_options import SMALL_MESSAGE_BYTES, Options, channel_options
from centrifugo_proxy.peers.channels import PlainSource, Source, TlsSource, rolling_channel
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.session_slots import Share
from centrifugo_proxy.peers.tls import TlsFiles
from centrifugo_proxy.spans import Tracer
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.telemetry.peer_log import PeerLog

if TYPE_CHECKING:
    from django.conf import LazySettings

    from centrifugo_proxy.peers.spiffe.tunnel import Tunnel


@asynccontextmanager
async def open_tunnel(settings: "LazySettings") -> AsyncIterator["Tunnel | None"]:
    """Starts the SPIFFE tunnel that all connections to peers use. None if SPIFFE is off. Raises NoSvidError."""
    if settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE != "spiffe":
        yield None
        return
    from centrifugo_proxy.wiring.spiffe import open_workload_identity  # noqa: PLC0415  (imports cryptography: ten MiB)

    async with open_workload_identity(settings) as tunnel:
        yield tunnel


@asynccontextmanager
async def open_identity(settings: "LazySettings", tracer: Tracer, tunnel: "Tunnel | None") -> AsyncIterator[Peer]:
    """Connects to the identity service of these settings until the context ends. Raises TlsFilesRefused."""
    target, deadline_s = settings.IDENTITY_VALIDATE_GRPC_ADDRESS, settings.IDENTITY_VALIDATE_DEADLINE_MS / 1000
    log = PeerLog(metrics.IDENTITY)
    options = channel_options(deadline_s, SMALL_MESSAGE_BYTES)
    source = _source(
        settings, tunnel, target=target, options=options, log=log, server_name=settings.IDENTITY_TLS_SERVER_NAME
    )
    async with rolling_channel(source, target=target, deadline_s=deadline_s, report=log) as channel:
        yield Peer(channel=channel, deadline_s=deadline_s, observe=metrics.observe_identity_call, tracer=tracer)


@asynccontextmanager
async def open_backend(
    settings: "LazySettings",
    tracer: Tracer,
    tunnel: "Tunnel | None",
    *,
    label: str,
    target: str,
    deadline_ms: int,
    share: Share,
    response_bytes: int | None = None,
) -> AsyncIterator[Peer]:
    """Connects to the family service or to an rpc backend. Raises TlsFilesRefused.

    RPC_MAX_INFLIGHT limits the calls to the service, and `share` limits the events that wait for these calls. `label`
    is the name of the service in metrics and log lines. `channel_options` explains `response_bytes`.
    """
    log = PeerLog(label)
    # IDENTITY_TLS_SERVER_NAME applies only to identity.
    options = channel_options(deadline_ms / 1000, response_bytes)
    source = _source(settings, tunnel, target=target, options=options, log=log, server_name="")
    async with rolling_channel(source, target=target, deadline_s=deadline_ms / 1000, report=log) as channel:
        capacity = Capacity(settings.RPC_MAX_INFLIGHT)
        metrics.watch_backend(label, capacity)
        yield Peer(
            channel=channel,
            deadline_s=deadline_ms / 1000,
            observe=metrics.backend_observer(label),
            tracer=tracer,
            capacity=capacity,
            refused=metrics.backend_refusals(label),
            share=share,
        )


def _source(
    settings: "LazySettings",
    tunnel: "Tunnel | None",
    *,
    target: str,
    options: Options,
    log: PeerLog,
    server_name: str,
) -> Source:
    """The object that opens channels to a target. IDENTITY_VALIDATE_NEGOTIATION_TYPE decides which kind it is."""
    if tunnel is not None:
        from centrifugo_proxy.wiring.spiffe import spiffe_source  # noqa: PLC0415

        return spiffe_source(settings, tunnel, log.peer, target, options)
    if settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE == "plaintext":
        return PlainSource(target, options)
    files = TlsFiles(
        settings.IDENTITY_TLS_CA_FILE, settings.IDENTITY_TLS_CERT_FILE, settings.IDENTITY_TLS_KEY_FILE, server_name
    )
    return TlsSource(target, options, files, log)
