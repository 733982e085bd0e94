"""Findings about interfaces that strangers can reach, and about guessable secrets."""

import secrets
from typing import Any, Final

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import CONNECT_ONLY, changed, findings_in, valid_config

RANDOM = secrets.token_hex(16)
CONNECT = "client.proxy.connect"


def grpc(**options: Any) -> dict[str, Any]:
    return {"grpc_api": {"enabled": True, **options}}


FIRES: Final = [
    Case("api-without-key", "grpc_api.key", grpc()),
    Case("api-without-key", "grpc_api.key", grpc(key="", address="0.0.0.0")),
    Case("api-without-key", "grpc_api.key", grpc(tls={"enabled": True})),
    Case("api-without-key", "grpc_api_key", {"grpc_api": True}, major=5),
    Case("api-without-key", "grpc_api_key", {"grpc_api": "true", "grpc_api_address": "10.0.0.1"}, major=5),
    Case("debug-endpoints", "debug.enabled", {"debug.enabled": True}),
    Case("debug-endpoints", "debug.enabled", {"debug.enabled": True, "http_server.internal_port": "8000"}),
    Case("debug-endpoints", "debug", {"debug": True}, major=5),
    Case("weak-secret", "admin.password", {"admin": {"enabled": True, "password": "password"}}),
    Case("weak-secret", "admin.secret", {"admin.secret": "change-me-please-now"}),
    Case("weak-secret", "http_api.key", {"http_api.key": "my_api_key"}),
    Case("weak-secret", "grpc_api.key", grpc(key="0123456789")),
    Case("weak-secret", "http_api.key", {"http_api.key": 12345}),
    Case("weak-secret", "http_api.key", {"http_api.key": "x" * 40}),
    Case("weak-secret", "admin.secret", {"admin.secret": "12345678901234567890"}),
    Case("weak-secret", "admin_secret", {"admin_secret": "s3cret"}, major=5),
    Case("weak-secret", "api_key", {"api_key": "<your api key goes here>"}, major=5),
    Case(
        "tls-unverified",
        f"{CONNECT}.http.tls.insecure_skip_verify",
        {f"{CONNECT}.http.tls": {"enabled": True, "insecure_skip_verify": True}},
    ),
    Case(
        "tls-unverified-elsewhere",
        "engine.redis.tls.insecure_skip_verify",
        {"engine": {"type": "redis", "redis": {"tls": {"enabled": True, "insecure_skip_verify": True}}}},
    ),
    Case(
        "tls-unverified-elsewhere",
        "redis_tls_insecure_skip_verify",
        {"engine": "redis", "redis_tls": True, "redis_tls_insecure_skip_verify": True},
        major=5,
    ),
    Case(
        "tls-unverified-elsewhere",
        "nats_tls.insecure_skip_verify",
        {"nats_tls": {"enabled": True, "insecure_skip_verify": True}},
        major=5,
    ),
    Case("log-with-tickets", "log.level", {"log.level": "trace"}),
    Case("log-with-tickets", "log_level", {"log_level": "TRACE"}, major=5),
    Case("user-id-header", "client.user_id_http_header", {"client.user_id_http_header": "X-User-Id"}),
    Case("user-id-header", "client_user_id_http_header", {"client_user_id_http_header": "X-User-Id"}, major=5),
]
SILENT: Final = [
    Case("log-with-tickets", "the level debug", {"log.level": "debug"}),
    Case("api-without-key", "the API is off", {"grpc_api.port": 10000}),
    Case("api-without-key", "a key", grpc(key=RANDOM)),
    Case("api-without-key", "on loopback", grpc(address="127.0.0.1")),
    Case("api-without-key", "callers need a certificate", grpc(tls={"enabled": True, "client_ca_pem": "/ca.pem"})),
    Case("api-without-key", "a key", {"grpc_api": True, "grpc_api_key": RANDOM}, major=5),
    Case("debug-endpoints", "a separate port", {"debug.enabled": True, "http_server.internal_port": "9000"}),
    Case("debug-endpoints", "a separate port", {"debug": True, "internal_port": "9000"}, major=5),
    Case("weak-secret", "random", {"admin": {"password": RANDOM, "secret": RANDOM}, "http_api.key": RANDOM}),
    Case("weak-secret", "the API is off", {"http_api": {"key": "short", "disabled": True}}),
    Case("weak-secret", "not set", {"admin_password": "", "api_key": None}, major=5),
    Case("tls-unverified", "no TLS at all", {f"{CONNECT}.http.tls": {"insecure_skip_verify": True}}),
    Case(
        "tls-unverified-elsewhere",
        "Centrifugo's own server",
        {"http_server.tls": {"enabled": True, "insecure_skip_verify": True}},
    ),
    Case("tls-unverified-elsewhere", "no TLS", {"redis_tls_insecure_skip_verify": True}, major=5),
    Case("user-id-header", "empty", {"client.user_id_http_header": ""}),
]


def test_a_finding_about_a_weak_secret_does_not_show_the_secret() -> None:
    weak = {"admin.password": "hunter2", "http_api.key": "tr0ub4dor"}

    seen = findings_in(changed(valid_config(6), weak), CONNECT_ONLY)

    assert {finding.path for finding in seen} == set(weak)
    assert [secret for secret in weak.values() if secret in str(seen)] == []


test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)
