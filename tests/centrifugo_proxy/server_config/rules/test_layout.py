"""Findings about the file itself: its layout, option names, and the form of its values."""

from typing import Final

import pytest

from centrifugo_proxy.server_config.layout import major_of
from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import valid_config

OTHER: Final = {"name": "other", "endpoint": "http://other:80"}
FIRES: Final = [
    Case("mixed-layouts", "proxy_http_headers", {"proxy_http_headers": ["Cookie"]}),
    Case("mixed-layouts", "websocket_message_size_limit", {"websocket_message_size_limit": 65536}),
    Case("mixed-layouts", "log_level", {"log_level": "debug"}),
    Case("mixed-layouts", "http_server", {"http_server": {"port": 8001}}, major=5),
    Case("mixed-layouts", "log", {"log.level": "debug"}, major=5),
    Case("mixed-layouts", "proxies[0].grpc_compression", {"proxies": [{**OTHER, "grpc_compression": True}]}),
    Case("mixed-layouts", "proxies[0].grpc_tls", {"proxies": [{**OTHER, "http": {}, "grpc_tls": {}}]}),
    Case("mixed-layouts", "proxies[0].http", {"proxies": [{**OTHER, "http": {"static_headers": {}}}]}, major=5),
    Case("value-invalid", "client.channel_limit", {"client.channel_limit": "many"}),
    Case("value-invalid", "client.expired_close_delay", {"client.expired_close_delay": "7d"}),
    Case("value-invalid", "admin", {"admin": True}),
    Case("value-invalid", "engine", {"engine": "redis"}),
    Case("value-invalid", "channel.namespaces[0]", {"channel.namespaces": ["news"]}),
    Case("value-invalid", "log", {"log": "debug"}),
    Case("value-invalid", "client_expired_close_delay", {"client_expired_close_delay": "7d"}, major=5),
    Case("value-invalid", "client_expired_close_delay", {"client_expired_close_delay": 25}, major=5),
    Case("value-invalid", "history_ttl", {"history_size": 10, "history_ttl": "1500ms"}, major=5),
    Case("value-invalid", "namespaces", {"namespaces": "news"}, major=5),
    Case("option-misspelt", "client.allowed_origin", {"client.allowed_origin": ["https://app.test"]}),
    Case(
        "option-misspelt",
        "client.proxy.connect.static_headers",
        {"client.proxy.connect.static_headers": {"X-Key": "value"}},
    ),
    Case("option-misspelt", "allowed_orgins", {"allowed_orgins": ["https://app.test"]}, major=5),
    Case(
        "option-misspelt",
        "namespaces[0].history_sizes",
        {"namespaces": [{"name": "news", "history_sizes": 1}]},
        major=5,
    ),
]
SILENT: Final = [
    Case("mixed-layouts", "an option of both layouts", {"pid_file": "/run/centrifugo.pid", "proxies": []}),
    Case("value-invalid", "numbers as text", {"client.channel_limit": "12", "http_server.port": "9000"}),
    Case("value-invalid", "nanoseconds", {"client.expired_close_delay": 25_000_000_000}),
    Case(
        "value-invalid",
        "values that v5 reads as 0 or false",
        {"client_channel_limit": "many", "admin": {"enabled": True}},
        major=5,
    ),
    Case("value-invalid", "proxies that v5 does not read", {"proxies": [{"timeout": "7d"}]}, major=5),
    Case(
        "option-misspelt",
        "an option of a newer release or of PRO",
        {"client.command_rate": 1, "push_notifications": {"queue": 1}},
    ),
]

test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)


@pytest.mark.parametrize("key", ["admin", "health", "prometheus", "sse", "grpc_api", "uni_sse"])
def test_an_option_of_both_majors_does_not_change_the_major_of_a_file(key: str) -> None:
    assert major_of({**valid_config(5), key: True}) == 5
    assert major_of({**valid_config(6), key: True}) == 6


@pytest.mark.parametrize(
    ("option", "major"), [("grpc_compression", 5), ("static_http_headers", 5), ("http", 6), ("http_headers", 6)]
)
def test_an_option_of_one_major_in_an_entry_of_proxies_decides_the_major_of_the_file(option: str, major: int) -> None:
    assert major_of({"proxies": [{**OTHER, option: {}}]}) == major


def test_unknown_options_do_not_decide_the_major_of_a_file() -> None:
    assert major_of({"x_own": {"a": 1, "b": 2}, "redis_address": "redis:6379"}) == 5
    assert major_of({"x_own": 1, "y_own": 2, "websocket": {"compression": True}}) == 6
