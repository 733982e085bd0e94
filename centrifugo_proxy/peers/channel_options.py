"""The options of the gRPC channels to peers."""

import json
from typing import Final

Options = tuple[tuple[str, str | int], ...]

# The limit for status, details and metadata together, in their encoded form. Percent-encoded details of 64 KiB fit.
METADATA_BYTES: Final = 256 * 1024
# A response from identity or the family service has a few hundred bytes.
SMALL_MESSAGE_BYTES: Final = 1024 * 1024

# https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h
CHANNEL_OPTIONS: Final[Options] = (
    # Two attempts to connect are about one second apart, at most 1.2 s. An attempt that hangs ends after a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # No pings without calls: stock servers answer such pings with GOAWAY. During a call, their number is not limited.
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    # No bandwidth pings: a keepalive ping waits for the reply to a bandwidth ping, by default for a minute.
    ("grpc.http2.bdp_probe", 0),
    # Spread calls over all addresses of the target, and look the name up again soon after a connection is lost.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A replacement channel opens its own connections.
    ("grpc.use_local_subchannel_pool", 1),
    # No retries: a failed call may have spent the ticket, so only the client may try again.
    ("grpc.enable_retries", 0),
    # Above the first limit, some calls end with RESOURCE_EXHAUSTED instead of the status that the service sent. Above
    # the second limit, all calls do.
    ("grpc.max_metadata_size", METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES + 64 * 1024),
    # Proxies in the environment are ignored: the first option is for http_proxy, https_proxy and grpc_proxy, and the
    # second for GRPC_ADDRESS_HTTP_PROXY.
    ("grpc.enable_http_proxy", 0),
    ("grpc.address_http_proxy_enabled_addresses", ""),
)


def channel_options(deadline_s: float, response_bytes: int | None = None) -> Options:
    """The options for a peer with this deadline.

    `response_bytes` is the maximum size of a response. If it is None, gRPC's default of 4 MiB holds.
    A connection that delivers nothing for 4.5 s during a call is closed. If the deadline is above 9 s, the connection
    is closed after a third of the deadline plus 1.5 s. Pings are then less frequent, because servers answer
    the fourth ping in a row with GOAWAY if no data is sent in between.
    """
    keepalive = (
        ("grpc.keepalive_time_ms", max(3_000, int(deadline_s * 1000) // 3)),
        ("grpc.keepalive_timeout_ms", 1_500),
        ("grpc.http2.ping_timeout_ms", 1_500),
    )
    bound = () if response_bytes is None else (("grpc.max_receive_message_length", response_bytes),)
    return CHANNEL_OPTIONS + keepalive + bound
