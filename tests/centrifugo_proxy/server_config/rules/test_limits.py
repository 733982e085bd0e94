"""Findings about limits on connections and messages."""

from dataclasses import replace
from typing import Final

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import CONNECT_ONLY

LARGE = replace(CONNECT_ONLY, max_body_bytes=1_048_576)
FIRES: Final = [
    Case("connection-rate-limit", "client.connection_rate_limit", {"client.connection_rate_limit": 300}),
    Case("connection-rate-limit", "client_connection_rate_limit", {"client_connection_rate_limit": "100"}, major=5),
    Case("user-connection-limit", "client.user_connection_limit", {"client.user_connection_limit": 1}),
    Case("user-connection-limit", "client_user_connection_limit", {"client_user_connection_limit": "5"}, major=5),
    Case("message-size-small", "websocket.message_size_limit", {"websocket.message_size_limit": 4096}),
    Case(
        "message-size-small",
        "sse_max_request_body_size",
        {"sse": True, "sse_max_request_body_size": 1024},
        major=5,
    ),
    Case("message-size", "websocket.message_size_limit", {"websocket.message_size_limit": 131072}),
    Case(
        "message-size",
        "emulation.max_request_body_size",
        {"http_stream.enabled": True, "emulation.max_request_body_size": 131072},
    ),
    Case("message-size", "websocket_message_size_limit", {"websocket_message_size_limit": 1048576}, major=5),
    Case(
        "message-size",
        "uni_sse_max_request_body_size",
        {"uni_sse": True, "uni_sse_max_request_body_size": 131072},
        major=5,
    ),
]
SILENT: Final = [
    Case("connection-rate-limit", "no limit", {"client.connection_rate_limit": 0, "client.connection_limit": 5000}),
    Case("user-connection-limit", "no limit", {"client.user_connection_limit": 0}),
    Case("message-size-small", "the default", {"websocket.message_size_limit": 65536}),
    Case("message-size-small", "a transport that is off", {"sse.max_request_body_size": 1024}),
    Case(
        "message-size-small",
        "emulation, which carries no connect",
        {"http_stream.enabled": True, "emulation.max_request_body_size": 1024},
    ),
    Case("message-size", "the default", {"websocket.message_size_limit": 65536}),
    Case("message-size", "a transport that is off", {"sse.max_request_body_size": 131072}),
    Case("message-size", "the service accepts it", {"websocket_message_size_limit": 131072}, major=5, facts=LARGE),
]

test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)
