"""Configurations with which Centrifugo does not start. The linter agrees with the servers of both majors."""

import json
import os
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.rules.starts import (
    REFUSED_BY_V5,
    REFUSED_BY_V6,
    STARTS_BY_V5,
    STARTS_BY_V6,
)
from tests.centrifugo_proxy.server_config.valid_configs import CONNECT_ONLY, changed, findings_in, valid_config
from tests.harness.centrifugo import READY, binary, start_log

PREVENT_START: Final = {"start-refused", "value-invalid", "boolean-invalid", "timeout-invalid", "v5-yaml-nested"}
# Starting a server with every configuration takes a minute in all. By default, only every tenth is tried.
EACH: Final = 1 if os.environ.get("EVERY_START") else 10
CONNECT = "client.proxy.connect"

FIRES: Final = [
    Case(
        "start-refused",
        "channel.namespaces[0].history_size",
        {"channel.namespaces": [{"name": "news", "history_size": 9}]},
    ),
    Case("start-refused", "channel.without_namespace.history_ttl", {"channel.without_namespace.history_ttl": "5m"}),
    Case(
        "start-refused",
        "channel.namespaces[0].subscribe_proxy_name",
        {"channel.namespaces": [{"name": "news", "subscribe_proxy_name": "nobody"}]},
    ),
    Case("start-refused", "channel.namespaces[0].name", {"channel.namespaces": [{"name": "x"}]}),
    Case(
        "start-refused",
        f"{CONNECT}.http.status_to_code_transforms[0]",
        {
            f"{CONNECT}.http.status_to_code_transforms": [
                {"status_code": 401, "to_disconnect": {"code": 4401, "reason": "ü"}}
            ]
        },
    ),
    Case("start-refused", "client.ping_interval", {"client.ping_interval": "5s"}),
    Case("start-refused", "ping_interval", {"pong_timeout": "30s"}, major=5),
    Case("start-refused", "http_server.internal_port", {"http_server.internal_port": "9:30"}),
    Case("start-refused", "http_server.port", {"http_server.port": 99999}),
    Case("start-refused", "internal_port", {"internal_port": "99999"}, major=5),
    Case("start-refused", "http_server.tls.key_pem", {"http_server.tls": {"enabled": True, "cert_pem": "/a.pem"}}),
    Case("start-refused", "tls_cert", {"tls": True, "tls_key": "/a.key"}, major=5),
    Case(
        "start-refused",
        "engine.redis.address",
        {"engine": {"type": "redis", "redis": {"address": ["10.0.0.1:6379", "http://x"]}}},
    ),
    Case("start-refused", "engine", {"engine": "postgres"}, major=5),
    Case("start-refused", "history_size", {"history_size": 5}, major=5),
    Case(
        "start-refused",
        "namespaces[0].channel_regex",
        {"namespaces": [{"name": "news", "channel_regex": "^(?!private)"}]},
        major=5,
    ),
]
SILENT: Final = [
    Case(
        "start-refused", "a history", {"channel.namespaces": [{"name": "news", "history_size": 9, "history_ttl": "5m"}]}
    ),
    Case(
        "start-refused",
        "a regular expression of Go",
        {"channel.namespaces": [{"name": "news", "channel_regex": r"(?i)^\pL+\z"}]},
    ),
    Case("start-refused", "the default ping interval", {"client.ping_interval": 0}),
    Case("start-refused", "a port by its name", {"http_server.internal_port": "http-alt"}),
    Case("start-refused", "a port of a server that is off", {"uni_grpc": {"port": 99999}}),
    Case(
        "start-refused",
        "certificates from an authority",
        {"http_server.tls": {"enabled": True}, "http_server.tls_autocert": {"enabled": True}},
    ),
    Case(
        "start-refused",
        "addresses of Redis",
        {
            "engine": {
                "type": "redis",
                "redis": {"address": ["redis://redis:6379", "[::1]:6379", "unix:///run/redis.sock"]},
            }
        },
    ),
    Case("start-refused", "shards", {"engine": "redis", "redis_address": "10.0.0.1:6379,10.0.0.2:6379"}, major=5),
    Case("start-refused", "a proxy name without granular mode", {"subscribe_proxy_name": "nobody"}, major=5),
]


def prevents_start(config: dict[str, Any], major: int) -> bool:
    return any(finding.id in PREVENT_START for finding in findings_in(config, CONNECT_ONLY, major=major))


@pytest.mark.parametrize(("major", "configs"), [(6, REFUSED_BY_V6), (5, REFUSED_BY_V5)])
def test_the_linter_reports_every_configuration_that_centrifugo_refuses(
    major: int, configs: list[dict[str, Any]]
) -> None:
    assert [config for config in configs if not prevents_start(config, major)] == []


@pytest.mark.parametrize(("major", "configs"), [(6, STARTS_BY_V6), (5, STARTS_BY_V5)])
def test_the_linter_has_no_start_error_for_a_configuration_with_which_centrifugo_starts(
    major: int, configs: list[dict[str, Any]]
) -> None:
    assert [config for config in configs if prevents_start(config, major)] == []


@pytest.mark.processes
@pytest.mark.parametrize(
    ("major", "config", "starts"),
    list(
        chain(
            ((6, config, False) for config in REFUSED_BY_V6[::EACH]),
            ((6, config, True) for config in STARTS_BY_V6[::EACH]),
            ((5, config, False) for config in REFUSED_BY_V5[::EACH]),
            ((5, config, True) for config in STARTS_BY_V5[::EACH]),
        )
    ),
)
def test_centrifugo_starts_exactly_with_the_configurations_that_the_linter_accepts(
    tmp_path: Path, major: int, config: dict[str, Any], starts: bool
) -> None:
    centrifugo = binary(major)
    if centrifugo is None:
        pytest.skip(f"no Centrifugo v{major}: `make centrifugos` builds it")
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))

    assert (READY in start_log(centrifugo, file)) is starts


test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)


def test_a_proxy_name_without_a_proxy_is_reported_in_v5() -> None:
    config = changed(valid_config(5), {"granular_proxy_mode": True, "connect_proxy_name": "nobody"})

    seen = [(finding.id, finding.path) for finding in findings_in(config, major=5)]

    assert seen == [("start-refused", "connect_proxy_name"), ("connect-proxy-missing", "proxy_connect_endpoint")]
