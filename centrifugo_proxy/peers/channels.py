"""gRPC channels to the services behind us, all with the same manners."""

import json
from pathlib import Path
from typing import Final

import grpc
from grpc import aio

from centrifugo_proxy.peers.tls import TlsFiles

# https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h
CHANNEL_OPTIONS: Final = (
    # A peer that comes back is found within a second; a connection attempt that hangs ends after one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Ten silent seconds with a call under way, three more without an answer to a ping: the peer is dead.
    # Not while idle: stock servers answer such pings with GOAWAY.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # The same for pings that measure bandwidth: a keepalive ping waits for the answer of one, by default for a minute.
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    # Every address of the target takes its share, and lost ones are looked up again soon.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A ticket may be spent by a call that failed: nobody but the client tries again.
    ("grpc.enable_retries", 0),
)


def open_channel(target: str, tls: TlsFiles | None) -> aio.Channel:
    """A channel to `target`, plaintext when `tls` is None. Raises OSError for an unreadable file."""
    if tls is None:
        return aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    credentials = grpc.ssl_channel_credentials(_content(tls.ca), _content(tls.key), _content(tls.cert))
    override = (("grpc.ssl_target_name_override", tls.server_name),) if tls.server_name else ()
    return aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS + override)


def _content(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
