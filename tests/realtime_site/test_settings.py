"""The default of every environment variable, and values that the variables accept or refuse."""

import re
import secrets
from typing import Any, Final

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.harness.environment import settings_from

# The variables whose value is a secret.
SECRET: Final = re.compile(r".*_(TOKEN|SECRET|PREVIOUS|PASSWORD|HEADERS|API_KEY)|FALLBACK_CLAIMS_URL")
URL: Final = re.compile(r"OTEL_.*_ENDPOINT|CENTRIFUGO_API_URL")
TOPIC = "a topic (1–249 letters, digits, dots, dashes and underscores), or empty"
FIELDS = frozenset({"family_id", "subscription_tier", "is_admin", "parental_state"})
DEFAULTS = {
    "LOG_LEVEL": "info",
    "LISTEN_HOST": "0.0.0.0",
    "LISTEN_PORT": 9730,
    "IDENTITY_VALIDATE_GRPC_ADDRESS": "localhost:50051",
    "IDENTITY_VALIDATE_NEGOTIATION_TYPE": "plaintext",
    "IDENTITY_TLS_CA_FILE": "",
    "IDENTITY_TLS_CERT_FILE": "",
    "IDENTITY_TLS_KEY_FILE": "",
    "IDENTITY_TLS_SERVER_NAME": "",
    "IDENTITY_SPIFFE_ID": (),
    "SPIFFE_ENDPOINT_SOCKET": "",
    "SPIFFE_ID": "",
    "SPIFFE_STARTUP": "continue",
    "SPIFFE_STARTUP_WAIT_S": 10,
    "IDENTITY_VALIDATE_DEADLINE_MS": 2500,
    "IDENTITY_PROBE_INTERVAL_MS": 1000,
    "OTEL_SDK_DISABLED": "false",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318/v1/traces",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "",
    "OTEL_EXPORTER_OTLP_HEADERS": {},
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": {},
    "OTEL_EXPORTER_OTLP_TIMEOUT": 3000,
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": None,
    "OTEL_EXPORTER_OTLP_COMPRESSION": "",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": "",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "",
    "OTEL_BSP_SCHEDULE_DELAY": 5000,
    "OTEL_SERVICE_NAME": "aim2be-realtime-service",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": 1.0,
    "CENTRIFUGO_PROXY_SECRET": "",
    "CENTRIFUGO_PROXY_SECRET_FILE": "",
    "CENTRIFUGO_PROXY_SECRET_PREVIOUS": "",
    "CENTRIFUGO_PROXY_SECRET_PREVIOUS_FILE": "",
    "CENTRIFUGO_PROXY_TOKEN": "",
    "CENTRIFUGO_PROXY_TOKEN_FILE": "",
    "CENTRIFUGO_PROXY_TOKEN_PREVIOUS": "",
    "CENTRIFUGO_PROXY_TOKEN_PREVIOUS_FILE": "",
    "CENTRIFUGO_RESPONSE_MODE": "http",
    "CENTRIFUGO_INVALID_TICKET_CODE": 4401,
    "CENTRIFUGO_UNAVAILABLE_CODE": 4503,
    "CENTRIFUGO_REFRESH": "auto",
    "CENTRIFUGO_INFO_FIELDS": FIELDS,
    "FALLBACK_TICKETS_PATH": "",
    "FALLBACK_DEGRADED_WINDOW_MS": 5000,
    "FALLBACK_LOW_WATERMARK": 1000,
    "FALLBACK_CONNECT_TTL_S": 300,
    "FALLBACK_CLAIMS_URL": "",
    "FALLBACK_CLAIMS_URL_FILE": "",
    "FALLBACK_CLAIMS_DEADLINE_MS": 250,
    "FALLBACK_CLAIMS_ON_ERROR": "refuse",
    "FALLBACK_CLAIMS_PREFIX": "realtime-fallback",
    "CHANNEL_POLICY_PATH": "",
    "CHANNEL_SUBSCRIPTION_TTL_S": 300,
    "FAMILY_SERVICE_GRPC_ADDRESS": "",
    "FAMILY_SERVICE_SPIFFE_ID": (),
    "FAMILY_SERVICE_DEADLINE_MS": 1000,
    "RPC_BACKENDS": {},
    "RPC_BACKENDS_SPIFFE_IDS": {},
    "RPC_DEADLINE_MS": 2500,
    "RPC_MAX_INFLIGHT": 100,
    "PROXY_MAX_BODY_BYTES": 65536,
    "PROXY_MAX_INFLIGHT": 0,
    "BRIDGE_ROUTES_PATH": "",
    "BRIDGE_KAFKA_BROKERS": "localhost:9092",
    "BRIDGE_KAFKA_GROUP": "realtime-bridge",
    "BRIDGE_KAFKA_GROUP_PROTOCOL": "classic",
    "BRIDGE_INSTANCE_ID": "",
    "BRIDGE_KAFKA_SECURITY": "plaintext",
    "BRIDGE_KAFKA_TLS_CA_FILE": "",
    "BRIDGE_KAFKA_TLS_CERT_FILE": "",
    "BRIDGE_KAFKA_TLS_KEY_FILE": "",
    "BRIDGE_KAFKA_SASL_MECHANISM": "",
    "BRIDGE_KAFKA_SASL_USER": "",
    "BRIDGE_KAFKA_SASL_PASSWORD": "",
    "BRIDGE_KAFKA_SASL_PASSWORD_FILE": "",
    "BRIDGE_KAFKA_CONFIG_PATH": "",
    "BRIDGE_OFFSET_RESET": "earliest",
    "CENTRIFUGO_API_URL": "http://localhost:8000/api",
    "CENTRIFUGO_API_TLS_CA_FILE": "",
    "CENTRIFUGO_API_KEY": "",
    "CENTRIFUGO_API_KEY_FILE": "",
    "BRIDGE_PUBLISH_TIMEOUT_MS": 5000,
    "BRIDGE_REQUESTS": 3,
    "BRIDGE_BATCH_MAX": 256,
    "BRIDGE_BATCH_BYTES": 524288,
    "BRIDGE_BATCH_PARALLEL": True,
    "BRIDGE_PENDING_MAX": 4000,
    "BRIDGE_PENDING_BYTES": 33554432,
    "BRIDGE_WINDOW": 20000,
    "BRIDGE_COMMIT_INTERVAL_MS": 1000,
    "BRIDGE_RETRY_MIN_MS": 100,
    "BRIDGE_RETRY_MAX_MS": 5000,
    "BRIDGE_MAX_ATTEMPTS": 0,
    "BRIDGE_DRAIN_MS": 5000,
    "BRIDGE_DEAD_LETTER_TOPIC": "realtime.bridge.dead-letters",
    "BRIDGE_REPLAY_TOPIC": "realtime.bridge.dead-letters.replay",
    "BRIDGE_DEAD_LETTER_MAX_CONSECUTIVE": 100,
    "BRIDGE_LAG_INTERVAL_MS": 10000,
    "BRIDGE_LISTEN_HOST": "0.0.0.0",
    "BRIDGE_LISTEN_PORT": 9731,
    "ALLOWED_HOSTS": ["*"],
    "DEBUG": False,
}


def refusal(**variables: str) -> str:
    """The reason why the settings do not load with these variables."""
    with pytest.raises(ImproperlyConfigured) as refused:
        settings_from(**variables)
    return str(refused.value)


def test_without_variables_every_setting_has_its_default() -> None:
    settings = settings_from()

    assert settings == DEFAULTS


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("LOG_LEVEL", "trace", "trace"),
        ("LOG_LEVEL", "DEBUG", "debug"),
        ("LOG_LEVEL", "Warn", "warn"),
        ("LOG_LEVEL", "WARNING", "warning"),
        ("LOG_LEVEL", "error", "error"),
        ("LOG_LEVEL", "fatal", "fatal"),
        ("LOG_LEVEL", "CRITICAL", "critical"),
        ("LISTEN_HOST", "::1", "::1"),
        ("LISTEN_PORT", "1", 1),
        ("LISTEN_PORT", "65535", 65535),
        ("IDENTITY_VALIDATE_GRPC_ADDRESS", "dns:///identity:443", "dns:///identity:443"),
        ("IDENTITY_VALIDATE_NEGOTIATION_TYPE", "TLS", "tls"),
        ("IDENTITY_TLS_CA_FILE", "/tls/ca.pem", "/tls/ca.pem"),
        ("IDENTITY_TLS_CERT_FILE", "/tls/tls.crt", "/tls/tls.crt"),
        ("IDENTITY_TLS_KEY_FILE", "/tls/tls.key", "/tls/tls.key"),
        ("IDENTITY_TLS_SERVER_NAME", "identity.internal", "identity.internal"),
        ("IDENTITY_VALIDATE_DEADLINE_MS", "1", 1),
        ("IDENTITY_VALIDATE_DEADLINE_MS", "60000", 60000),
        ("IDENTITY_PROBE_INTERVAL_MS", "100", 100),
        ("IDENTITY_PROBE_INTERVAL_MS", "60000", 60000),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "", ""),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example/x", "https://collector.example/x"),
        ("OTEL_SERVICE_NAME", "realtime-eu", "realtime-eu"),
        ("OTEL_SERVICE_NAME", "", "aim2be-realtime-service"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.0", 0.0),
        ("CENTRIFUGO_PROXY_SECRET", "$not-a-variable", "$not-a-variable"),
        ("CENTRIFUGO_PROXY_SECRET_PREVIOUS", "$not-a-variable", "$not-a-variable"),
        ("CENTRIFUGO_PROXY_TOKEN", "$not-a-variable", "$not-a-variable"),
        ("CENTRIFUGO_PROXY_TOKEN_PREVIOUS", "$not-a-variable", "$not-a-variable"),
        ("CENTRIFUGO_RESPONSE_MODE", "Envelope", "envelope"),
        ("CENTRIFUGO_INVALID_TICKET_CODE", "4000", 4000),
        ("CENTRIFUGO_INVALID_TICKET_CODE", "4999", 4999),
        ("CENTRIFUGO_UNAVAILABLE_CODE", "4000", 4000),
        ("CENTRIFUGO_UNAVAILABLE_CODE", "4999", 4999),
        ("CENTRIFUGO_INFO_FIELDS", "is_admin", frozenset({"is_admin"})),
        ("CENTRIFUGO_INFO_FIELDS", "is_admin,degraded,fallback_path", frozenset({"is_admin"})),
        ("FALLBACK_TICKETS_PATH", "/secret/tickets", "/secret/tickets"),
        ("FALLBACK_DEGRADED_WINDOW_MS", "0", 0),
        ("FALLBACK_DEGRADED_WINDOW_MS", "86400000", 86400000),
        ("FALLBACK_LOW_WATERMARK", "0", 0),
        ("FALLBACK_CONNECT_TTL_S", "5", 5),
        ("FALLBACK_CONNECT_TTL_S", "999999", 999999),
        ("FALLBACK_CLAIMS_DEADLINE_MS", "10", 10),
        ("FALLBACK_CLAIMS_ON_ERROR", "Local", "local"),
        ("FALLBACK_CLAIMS_PREFIX", "staging_1.a-b", "staging_1.a-b"),
        ("CENTRIFUGO_REFRESH", "On", "on"),
        ("CENTRIFUGO_REFRESH", "off", "off"),
        ("CHANNEL_POLICY_PATH", "/config/policy.toml", "/config/policy.toml"),
        ("CHANNEL_SUBSCRIPTION_TTL_S", "0", 0),
        ("CHANNEL_SUBSCRIPTION_TTL_S", "86400", 86400),
        ("FAMILY_SERVICE_GRPC_ADDRESS", "family:50051", "family:50051"),
        ("FAMILY_SERVICE_DEADLINE_MS", "1", 1),
        ("FAMILY_SERVICE_DEADLINE_MS", "60000", 60000),
        ("RPC_BACKENDS", "diary=localhost:1,family=localhost:2", {"diary": "localhost:1", "family": "localhost:2"}),
        ("RPC_DEADLINE_MS", "1", 1),
        ("RPC_DEADLINE_MS", "60000", 60000),
        ("RPC_MAX_INFLIGHT", "1", 1),
        ("RPC_MAX_INFLIGHT", "100000", 100000),
        ("PROXY_MAX_BODY_BYTES", "1024", 1024),
        ("PROXY_MAX_BODY_BYTES", "16777216", 16777216),
        ("PROXY_MAX_INFLIGHT", "auto", 0),
        ("PROXY_MAX_INFLIGHT", "AUTO", 0),
        ("PROXY_MAX_INFLIGHT", "1", 1),
        ("PROXY_MAX_INFLIGHT", "100000", 100000),
        ("ALLOWED_HOSTS", "a.example,b.example", ["a.example", "b.example"]),
        ("DEBUG", "true", True),
    ],
)
def test_a_variable_accepts_its_valid_values(name: str, raw: str, value: Any) -> None:
    settings = settings_from(**{name: raw})

    assert settings[name] == value


@pytest.mark.parametrize(
    ("name", "seen", "accepted"),
    [
        ("LOG_LEVEL", "loud", "trace, debug, info, warn, warning, error, fatal, critical"),
        ("LISTEN_PORT", "0", "1–65535"),
        ("LISTEN_PORT", "65536", "1–65535"),
        ("IDENTITY_VALIDATE_NEGOTIATION_TYPE", "ssl", "plaintext, tls, spiffe"),
        ("IDENTITY_VALIDATE_DEADLINE_MS", "0", "1–60000"),
        ("IDENTITY_VALIDATE_DEADLINE_MS", "60001", "1–60000"),
        ("IDENTITY_PROBE_INTERVAL_MS", "99", "0 (off), or 100–60000"),
        ("IDENTITY_PROBE_INTERVAL_MS", "60001", "0 (off), or 100–60000"),
        (
            "IDENTITY_VALIDATE_GRPC_ADDRESS",
            "http://identity:50051",
            "a gRPC target: host:port, or dns:///host:port, ipv4:…, ipv6:…, unix:… (no http://)",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4318",
            "a whole URL such as http://localhost:4318/v1/traces, or empty to export no traces",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "collector:4318",
            "a whole URL such as http://localhost:4318/v1/traces, or empty to use OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
        ("OTEL_TRACES_SAMPLER_ARG", "1.1", "0.0–1.0"),
        ("CENTRIFUGO_RESPONSE_MODE", "https", "http, envelope"),
        ("CENTRIFUGO_INVALID_TICKET_CODE", "3999", "4000–4999"),
        ("CENTRIFUGO_INVALID_TICKET_CODE", "5000", "4000–4999"),
        ("CENTRIFUGO_UNAVAILABLE_CODE", "3999", "4000–4999"),
        ("CENTRIFUGO_UNAVAILABLE_CODE", "5000", "4000–4999"),
        (
            "CENTRIFUGO_INFO_FIELDS",
            "user",
            "a comma-separated list of words from family_id,subscription_tier,is_admin,parental_state",
        ),
        ("FALLBACK_DEGRADED_WINDOW_MS", "-1", "0–86400000"),
        ("FALLBACK_DEGRADED_WINDOW_MS", "999999999999999999", "0–86400000"),
        ("FALLBACK_LOW_WATERMARK", "-1", "an integer >= 0"),
        ("FALLBACK_CONNECT_TTL_S", "5m", "an integer"),
        ("FALLBACK_CLAIMS_DEADLINE_MS", "9", "10–5000"),
        ("FALLBACK_CLAIMS_ON_ERROR", "ignore", "refuse, local"),
        ("FALLBACK_CLAIMS_PREFIX", "a b", "1–64 letters, digits, dots, dashes and underscores"),
        ("CENTRIFUGO_REFRESH", "yes", "auto, on, off"),
        ("CHANNEL_SUBSCRIPTION_TTL_S", "-1", "0–86400"),
        ("CHANNEL_SUBSCRIPTION_TTL_S", "86401", "0–86400"),
        (
            "FAMILY_SERVICE_GRPC_ADDRESS",
            "family",
            "a gRPC target: host:port, or dns:///host:port, ipv4:…, ipv6:…, unix:… (no http://)",
        ),
        ("FAMILY_SERVICE_DEADLINE_MS", "0", "1–60000"),
        ("FAMILY_SERVICE_DEADLINE_MS", "60001", "1–60000"),
        (
            "RPC_BACKENDS",
            "localhost:50061",
            "a comma-separated list of name=host:port; each name once, with only letters, digits, _ and -",
        ),
        ("RPC_DEADLINE_MS", "0", "1–60000"),
        ("RPC_DEADLINE_MS", "60001", "1–60000"),
        ("RPC_MAX_INFLIGHT", "0", "1–100000"),
        ("RPC_MAX_INFLIGHT", "100001", "1–100000"),
        ("PROXY_MAX_BODY_BYTES", "1023", "1024–16777216"),
        ("PROXY_MAX_BODY_BYTES", "16777217", "1024–16777216"),
        ("PROXY_MAX_INFLIGHT", "0", "auto, or 1–100000"),
        ("PROXY_MAX_INFLIGHT", "100001", "auto, or 1–100000"),
        ("DEBUG", "maybe", "true, 1, yes, on, false, 0, no, off"),
        ("BRIDGE_KAFKA_BROKERS", "kafka", "a comma-separated list of host:port"),
        ("BRIDGE_KAFKA_BROKERS", "kafka:9092,", "a comma-separated list of host:port"),
        ("BRIDGE_KAFKA_SECURITY", "ssl", "plaintext, tls, sasl_plaintext, sasl_tls"),
        ("BRIDGE_KAFKA_GROUP_PROTOCOL", "new", "classic, consumer"),
        ("BRIDGE_KAFKA_SASL_MECHANISM", "gssapi", "plain, scram-sha-256, scram-sha-512, or empty"),
        ("CENTRIFUGO_API_URL", "centrifugo:8000", "a whole URL such as http://localhost:8000/api"),
        ("BRIDGE_DEAD_LETTER_TOPIC", "dead letters", TOPIC),
        ("BRIDGE_DEAD_LETTER_TOPIC", "d" * 250, TOPIC),
        ("BRIDGE_REPLAY_TOPIC", "..", TOPIC),
        ("BRIDGE_OFFSET_RESET", "error", "earliest, latest, fail"),
        ("BRIDGE_REQUESTS", "17", "1–16"),
        ("BRIDGE_BATCH_MAX", "1001", "1–1000"),
        ("BRIDGE_BATCH_BYTES", "65535", "65536–16777216"),
        ("BRIDGE_PENDING_MAX", "99", "100–1000000"),
        ("BRIDGE_PENDING_BYTES", "1048575", "1048576–1073741824"),
        ("BRIDGE_COMMIT_INTERVAL_MS", "99", "100–60000"),
        ("BRIDGE_DRAIN_MS", "60001", "0–60000"),
        ("BRIDGE_LAG_INTERVAL_MS", "999", "1000–600000"),
        ("BRIDGE_LISTEN_PORT", "0", "1–65535"),
    ],
)
def test_a_variable_refuses_invalid_values(name: str, seen: str, accepted: str) -> None:
    message = refusal(**{name: seen})

    assert message == f"{name} is {seen!r}; accepted: {accepted}."


@pytest.mark.parametrize(("mode", "code"), [("http", 4503), ("envelope", 4103)])
def test_the_default_unavailable_code_depends_on_the_response_mode(mode: str, code: int) -> None:
    unset = settings_from(CENTRIFUGO_RESPONSE_MODE=mode)
    chosen = settings_from(CENTRIFUGO_RESPONSE_MODE=mode, CENTRIFUGO_UNAVAILABLE_CODE="4222")

    assert (unset["CENTRIFUGO_UNAVAILABLE_CODE"], chosen["CENTRIFUGO_UNAVAILABLE_CODE"]) == (code, 4222)


def test_a_refusal_has_every_problem_and_no_secret() -> None:
    message = refusal(
        LISTEN_PORT="no", PROXY_MAX_INFLIGHT="0", CENTRIFUGO_PROXY_SECRET="made-up", CENTRIFUGO_PROXY_TOKEN="made-up"
    )

    assert message.splitlines() == [
        "LISTEN_PORT is 'no'; accepted: 1–65535.",
        "PROXY_MAX_INFLIGHT is '0'; accepted: auto, or 1–100000.",
    ]


def test_no_secret_is_in_the_representation_of_its_setting() -> None:
    """`manage.py diffsettings` prints representations, and so does a traceback with local variables."""
    given = {name: secrets.token_hex(8) for name in DEFAULTS if SECRET.fullmatch(name)}
    headers = {name: f"authorization={secret}" for name, secret in given.items() if name.endswith("_HEADERS")}

    key = secrets.token_hex(8)
    urls = {name: f"http://a:{key}@b/?key={key}" for name in DEFAULTS if URL.fullmatch(name)}

    shown = repr(settings_from(**{**given, **headers, **urls}))

    assert [name for name, secret in given.items() if secret in shown] == []
    assert key not in shown
    assert (len(given) >= 8, len(urls)) == (True, 3)
