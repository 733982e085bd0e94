"""Opens the channels to the services behind us: identity, the family service and the rpc backends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.channels import open_channel
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.tls import TlsFiles
from centrifugo_proxy.spans import Tracer
from centrifugo_proxy.telemetry import metrics

if TYPE_CHECKING:
    from django.conf import LazySettings


@asynccontextmanager
async def open_identity(settings: "LazySettings", tracer: Tracer) -> AsyncIterator[Peer]:
    """The identity service of these settings, connecting from now on. Raises OSError for an unreadable TLS file."""
    async with open_channel(settings.IDENTITY_VALIDATE_GRPC_ADDRESS, tls_files(settings)) as grpc_channel:
        grpc_channel.get_state(try_to_connect=True)
        yield Peer(
            grpc_channel=grpc_channel,
            deadline_s=settings.IDENTITY_VALIDATE_DEADLINE_MS / 1000,
            observe=metrics.observe_identity_call,
            tracer=tracer,
        )


@asynccontextmanager
async def open_backend(
    settings: "LazySettings", tracer: Tracer, *, label: str, target: str, deadline_ms: int
) -> AsyncIterator[Peer]:
    """A service behind the session events, its calls bounded and counted under `label`. Raises OSError as above."""
    tls = tls_files(settings)
    own_name = tls and replace(tls, server_name="")  # IDENTITY_TLS_SERVER_NAME is identity's name alone
    async with open_channel(target, own_name) as grpc_channel:
        grpc_channel.get_state(try_to_connect=True)
        capacity = Capacity(settings.RPC_MAX_INFLIGHT)
        metrics.watch_backend(label, capacity)
        yield Peer(
            grpc_channel=grpc_channel,
            deadline_s=deadline_ms / 1000,
            observe=metrics.backend_observer(label),
            tracer=tracer,
            capacity=capacity,
        )


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
