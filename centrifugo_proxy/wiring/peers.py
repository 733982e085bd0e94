"""Opens the channels to identity, the family service and the rpc backends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.channel_options import SMALL_MESSAGE_BYTES, channel_options
from centrifugo_proxy.peers.channels import PlainSource, Source, TlsSource, rolling_channel
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.tls import TlsFiles
from centrifugo_proxy.spans import Tracer
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.telemetry.peer_log import PeerLog

if TYPE_CHECKING:
    from django.conf import LazySettings


@asynccontextmanager
async def open_identity(settings: "LazySettings", tracer: Tracer) -> AsyncIterator[Peer]:
    """The identity service of these settings, connecting from now on. Raises TlsFilesRefused."""
    target, deadline_s = settings.IDENTITY_VALIDATE_GRPC_ADDRESS, settings.IDENTITY_VALIDATE_DEADLINE_MS / 1000
    log = PeerLog("identity")
    source = _source(target, tls_files(settings), deadline_s, SMALL_MESSAGE_BYTES, log)
    async with rolling_channel(source, target=target, deadline_s=deadline_s, report=log) as channel:
        yield Peer(channel=channel, deadline_s=deadline_s, observe=metrics.observe_identity_call, tracer=tracer)


@asynccontextmanager
async def open_backend(
    settings: "LazySettings",
    tracer: Tracer,
    *,
    label: str,
    target: str,
    deadline_ms: int,
    response_bytes: int | None = None,
) -> AsyncIterator[Peer]:
    """A service behind the session events, its calls bounded and counted under `label`. Raises TlsFilesRefused."""
    tls = tls_files(settings)
    own_name = tls and replace(tls, server_name="")  # IDENTITY_TLS_SERVER_NAME is identity's name alone
    log = PeerLog(label)
    source = _source(target, own_name, deadline_ms / 1000, response_bytes, log)
    async with rolling_channel(source, target=target, deadline_s=deadline_ms / 1000, report=log) as channel:
        capacity = Capacity(settings.RPC_MAX_INFLIGHT)
        metrics.watch_backend(label, capacity)
        yield Peer(
            channel=channel,
            deadline_s=deadline_ms / 1000,
            observe=metrics.backend_observer(label),
            tracer=tracer,
            capacity=capacity,
        )


def _source(target: str, tls: TlsFiles | None, deadline_s: float, response_bytes: int | None, log: PeerLog) -> Source:
    options = channel_options(deadline_s, response_bytes)
    return PlainSource(target, options) if tls is None else TlsSource(target, options, tls, log)


def tls_files(settings: "LazySettings") -> TlsFiles | None:
    """The TLS files of these settings, None for plaintext."""
    if settings.IDENTITY_VALIDATE_NEGOTIATION_TYPE == "plaintext":
        return None
    return TlsFiles(
        settings.IDENTITY_TLS_CA_FILE,
        settings.IDENTITY_TLS_CERT_FILE,
        settings.IDENTITY_TLS_KEY_FILE,
        settings.IDENTITY_TLS_SERVER_NAME,
    )
