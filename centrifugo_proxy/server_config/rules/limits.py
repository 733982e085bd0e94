"""Findings about limits on connections and messages."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, number
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.service_facts import ServiceFacts
from common.tickets import MAX_TICKET_CHARACTERS

RULES: Final = Register()

RATE: Final = {6: "client.connection_rate_limit", 5: "client_connection_rate_limit"}
OF_A_USER: Final = {6: "client.user_connection_limit", 5: "client_user_connection_limit"}
CONNECT_BYTES: Final = MAX_TICKET_CHARACTERS + 64  # {"id":1,"connect":{"data":{"token":"…"}}} with the longest ticket
# Each limit, and the options that turn its transport on; "" for a transport that is on by default.
SIZES: Final = {
    6: {
        "websocket.message_size_limit": "",
        "webtransport.message_size_limit": "webtransport.enabled",
        "emulation.max_request_body_size": "sse.enabled http_stream.enabled",
        "sse.max_request_body_size": "sse.enabled",
        "http_stream.max_request_body_size": "http_stream.enabled",
        "uni_websocket.message_size_limit": "uni_websocket.enabled",
        "uni_sse.max_request_body_size": "uni_sse.enabled",
        "uni_http_stream.max_request_body_size": "uni_http_stream.enabled",
        "uni_grpc.max_receive_message_size": "uni_grpc.enabled",
    },
    5: {
        "websocket_message_size_limit": "",
        "emulation_max_request_body_size": "sse http_stream",
        "sse_max_request_body_size": "sse",
        "http_stream_max_request_body_size": "http_stream",
        "uni_websocket_message_size_limit": "uni_websocket",
        "uni_sse_max_request_body_size": "uni_sse",
        "uni_http_stream_max_request_body_size": "uni_http_stream",
        "uni_grpc_max_receive_message_size": "uni_grpc",
    },
}


@RULES.rule("connection-rate-limit", Severity.WARNING)
def connection_rate_limit(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    option = configuration.option(RATE[configuration.major])
    limit = number(option.value)
    if limit > 0:
        yield Problem(
            option.path,
            f"Centrifugo accepts {limit} connections at once, and then only one new connection a second. When "
            f"{20 * limit} clients reconnect after a deployment, the last one waits for {_minutes(19 * limit)}."
            + (" (v5 reads this option only if client_connection_limit is set.)" if configuration.major == 5 else ""),
            "Remove it. To limit the connections of a node, set "
            + ("client.connection_limit." if configuration.major == 6 else "client_connection_limit."),
        )


def _minutes(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"


@RULES.rule("user-connection-limit", Severity.WARNING)
def user_connection_limit(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    option = configuration.option(OF_A_USER[configuration.major])
    limit = number(option.value)
    if limit > 0:
        yield Problem(
            option.path,
            f"If a user opens connection number {limit + 1}, Centrifugo closes it with 3504, after its ticket is "
            "spent. SDKs do not reconnect after 3504. A phone that lost its network often reconnects before Centrifugo "
            "has noticed the loss. Its user then stays disconnected until the app is restarted.",
            "Remove it, and let the service that issues tickets limit the connections of a user. To limit the "
            f"connections of a node, set {option.path.replace('user_', '')}.",
        )


def _limits(configuration: Configuration) -> Iterator[tuple[str, int]]:
    """The path and the size of each limit that is set for a transport in use."""
    for path, switches in SIZES[configuration.major].items():
        limit = number(configuration.option(path).value)
        if limit > 0 and (not switches or any(map(configuration.is_on, switches.split()))):
            yield path, limit


@RULES.rule("message-size-small", Severity.WARNING)
def message_size_small(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path, limit in _limits(configuration):
        if limit < CONNECT_BYTES and not path.startswith("emulation"):  # emulation requests carry no connect
            yield Problem(
                path,
                f"A connect with the longest ticket takes about {CONNECT_BYTES} bytes, but Centrifugo refuses more "
                f"than {limit}. It closes a WebSocket with 1009, and the JavaScript SDK does not reconnect after 1009.",
                f"Raise it to {2 * CONNECT_BYTES} or more, or remove it.",
            )


@RULES.rule("message-size", Severity.WARNING)
def message_size(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path, limit in _limits(configuration):
        if limit > facts.max_body_bytes:
            yield Problem(
                path,
                f"Centrifugo accepts messages of up to {limit} bytes, but the service accepts requests of up to "
                f"{facts.max_body_bytes} bytes (PROXY_MAX_BODY_BYTES). A request contains the message and the user's "
                "meta. The service answers a larger request with 413. Users see this as a temporary internal error, "
                "and a retry fails again.",
                f"Lower it to {facts.max_body_bytes} or less, or raise PROXY_MAX_BODY_BYTES above it.",
            )
