"""How every gRPC channel of this service behaves."""

import json
from typing import Final

Options = tuple[tuple[str, str | int], ...]

# Of status, details and metadata together, as they travel: details of 64 KiB that are percent-encoded fit.
METADATA_BYTES: Final = 256 * 1024
# A response from identity or the family service has a few hundred bytes.
SMALL_MESSAGE_BYTES: Final = 1024 * 1024

# https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h
CHANNEL_OPTIONS: Final[Options] = (
    # A peer that comes back is found within a second; an attempt to connect that hangs ends after one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Without calls there are no pings: stock servers answer those with GOAWAY.
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    # No pings that measure bandwidth: a keepalive ping waits for the answer to such a one, by default for a minute.
    ("grpc.http2.bdp_probe", 0),
    # Every address of the target takes its share, and lost ones are looked up again soon.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A channel that replaces another opens connections of its own.
    ("grpc.use_local_subchannel_pool", 1),
    # A ticket may be spent by a call that failed: only the client tries again.
    ("grpc.enable_retries", 0),
    # Above these the call is RESOURCE_EXHAUSTED, whatever its status was.
    ("grpc.max_metadata_size", METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES + 64 * 1024),
    # Proxies in the environment are ignored: http_proxy, https_proxy, grpc_proxy; GRPC_ADDRESS_HTTP_PROXY.
    ("grpc.enable_http_proxy", 0),
    ("grpc.address_http_proxy_enabled_addresses", ""),
)


def channel_options(deadline_s: float, response_bytes: int | None = None) -> Options:
    """The options for a peer with this deadline, whose responses have at most so many bytes.

    A connection on which nothing comes back for 4.5 s while a call is under way is given up. With a longer deadline
    the pings are rarer: servers answer the fourth without data between them with GOAWAY.
    """
    keepalive = (
        ("grpc.keepalive_time_ms", max(3_000, int(deadline_s * 1000) // 3)),
        ("grpc.keepalive_timeout_ms", 1_500),
        ("grpc.http2.ping_timeout_ms", 1_500),
    )
    bound = () if response_bytes is None else (("grpc.max_receive_message_length", response_bytes),)
    return CHANNEL_OPTIONS + keepalive + bound
