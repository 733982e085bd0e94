"""Each finding: an operator's mistake that it reports, and a similar configuration that it does not report."""

import re
from dataclasses import replace
from typing import Any, Final

import pytest

from centrifugo_proxy.protocol.codes import ResponseMode
from centrifugo_proxy.server_config.linter import RULES
from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.judged import JUDGED
from tests.centrifugo_proxy.server_config.rules import (
    test_channels,
    test_data,
    test_exposure,
    test_headers,
    test_layout,
    test_limits,
    test_references,
    test_rights,
    test_stale,
    test_start,
)
from tests.centrifugo_proxy.server_config.test_options import RULE, SOURCES, matching, values_of
from tests.centrifugo_proxy.server_config.valid_configs import (
    ALL_EVENTS,
    BOTH,
    CONNECT_ONLY,
    UNGUARDED,
    changed,
    findings_in,
    valid_config,
)

ENVELOPE = replace(CONNECT_ONLY, mode=ResponseMode.ENVELOPE)
ENDING = replace(CONNECT_ONLY, invalid_ticket_code=4501)
POOL_WITHOUT_REFRESH = replace(CONNECT_ONLY, pool=True)

SUBSCRIBE_ONLY = replace(ALL_EVENTS, namespaces={"family": frozenset({"subscribe"})}, subscriptions_expire=False)
ONE_NAMESPACE = replace(ALL_EVENTS, namespaces={"family": BOTH}, subscriptions_expire=False)

CONNECT = "client.proxy.connect"
TRANSFORMS = f"{CONNECT}.http.status_to_code_transforms"
V5_TRANSFORMS = "proxy_http_status_code_transforms"
STATIC = f"{CONNECT}.http.static_headers"
HEADER = "X-Centrifugo-Proxy-Token"
REFRESH = {"enabled": True, "endpoint": "http://x/centrifugo/refresh", "timeout": "4s", "include_connection_meta": True}
PRINTED = {"status_code": 401, "to_disconnect": {"code": 4401, "reason": "invalid ticket"}}


def to_disconnect(status: int, code: int) -> dict[str, Any]:
    return {"status_code": status, "to_disconnect": {"code": code, "reason": "invented"}}


def to_error(status: int, code: int, temporary: bool) -> dict[str, Any]:
    return {"status_code": status, "to_error": {"code": code, "message": "invented", "temporary": temporary}}


def granular(**connect: Any) -> dict[str, Any]:
    """Changes that give a v5 configuration a named connect proxy, with these options and the guard's header."""
    proxy: dict[str, Any] = {"name": "connect", "endpoint": "http://realtime:9730/centrifugo/connect", "timeout": "3s"}
    proxy |= {"static_http_headers": {HEADER: "right-token"}, "http_status_to_code_transforms": [PRINTED]}
    flat = ("connect_endpoint", "connect_timeout", "http_status_code_transforms", "static_http_headers")
    removed = dict.fromkeys(f"proxy_{name}" for name in flat)
    return {**removed, "granular_proxy_mode": True, "connect_proxy_name": "connect", "proxies": [{**proxy, **connect}]}


FIRES: Final = [
    Case("connect-proxy-missing", CONNECT, {f"{CONNECT}.enabled": False}),
    Case("start-refused", f"{CONNECT}.endpoint", {f"{CONNECT}.endpoint": None}),
    Case("connect-proxy-missing", "proxy_connect_endpoint", {"proxy_connect_endpoint": ""}, major=5),
    Case("connect-proxy-missing", "proxy_connect_endpoint", {**granular(), "connect_proxy_name": None}, major=5),
    Case("event-proxy-missing", "rpc.proxy", {"rpc.proxy": None}, facts=ALL_EVENTS),
    Case(
        "event-proxy-missing",
        "rpc.without_namespace.proxy_enabled",
        {"rpc.without_namespace.proxy_enabled": False},
        facts=ALL_EVENTS,
    ),
    Case(
        "event-proxy-missing",
        "channel.proxy.publish",
        {"channel.proxy.publish": None},
        facts=replace(ALL_EVENTS, namespaces={}),
    ),
    Case("refresh-proxy-missing", "client.proxy.refresh", {"client.proxy.refresh": None}, facts=ALL_EVENTS),
    Case("refresh-proxy-missing", "client.proxy.refresh", {f"{CONNECT}.timeout": "4s"}, facts=POOL_WITHOUT_REFRESH),
    Case(
        "refresh-proxy-missing",
        "proxy_refresh_endpoint",
        {"proxy_refresh_endpoint": None},
        major=5,
        facts=replace(CONNECT_ONLY, events=("connect", "refresh")),
    ),
    Case("event-not-answered", "client.proxy.refresh.endpoint", {"client.proxy.refresh": REFRESH}, facts=UNGUARDED),
    Case(
        "event-not-answered",
        "rpc.proxy.endpoint",
        {
            "rpc.proxy": {"endpoint": "http://x/centrifugo/rpc", "include_connection_meta": True},
            "rpc.without_namespace.proxy_enabled": True,
        },
        facts=UNGUARDED,
    ),
    Case("endpoint-path", f"{CONNECT}.endpoint", {f"{CONNECT}.endpoint": "http://x/centrifugo/connect/"}),
    Case("endpoint-path", "proxy_connect_endpoint", {"proxy_connect_endpoint": "https://x/connect"}, major=5),
    Case("endpoint-path", "proxies[0].endpoint", granular(endpoint="http://x:1/connect"), major=5),
    *(
        Case("endpoint-invalid", f"{CONNECT}.endpoint", {f"{CONNECT}.endpoint": endpoint})
        for endpoint in (
            "http://x/centrifugo/connect\n",
            "http:///centrifugo/connect",
            "https://x:port/centrifugo/connect",
            "http://x:99999/centrifugo/connect",
            "http://[::1/centrifugo/connect",
            "http://::1/centrifugo/connect",
            "http://my realtime/centrifugo/connect",
            "http://x/rt%/centrifugo/connect",
            "http://user:p^w@x/centrifugo/connect",
            "http://user:50%@x/centrifugo/connect",
        )
    ),
    Case("endpoint-invalid", "proxy_connect_endpoint", {"proxy_connect_endpoint": "http://x:/y:/z\t"}, major=5),
    Case("endpoint-grpc", f"{CONNECT}.endpoint", {f"{CONNECT}.endpoint": "grpc://realtime:9730"}),
    Case("endpoint-grpc", "proxy_connect_endpoint", {"proxy_connect_endpoint": "realtime:9730"}, major=5),
    Case("timeout-not-above-deadline", f"{CONNECT}.timeout", {f"{CONNECT}.timeout": "2.5s"}),
    Case("timeout-not-above-deadline", f"{CONNECT}.timeout", {f"{CONNECT}.timeout": None}),
    Case("timeout-not-above-deadline", f"{CONNECT}.timeout", {f"{CONNECT}.timeout": 3000}),
    Case(
        "timeout-not-above-deadline",
        f"{CONNECT}.timeout",
        {f"{CONNECT}.timeout": "2.7s"},
        facts=replace(CONNECT_ONLY, claims_deadline_ms=250),
    ),
    Case(
        "timeout-not-above-deadline",
        "client.proxy.refresh.timeout",
        {"client.proxy.refresh.timeout": "1s"},
        facts=ALL_EVENTS,
    ),
    Case("timeout-not-above-deadline", "rpc.proxy.timeout", {"rpc.proxy.timeout": None}, facts=ALL_EVENTS),
    Case(
        "timeout-not-above-deadline",
        "channel.proxy.publish.timeout",
        {"channel.proxy.publish.timeout": "1s"},
        facts=ALL_EVENTS,
    ),
    Case(
        "timeout-not-above-deadline",
        "proxy_subscribe_timeout",
        {"proxy_subscribe_timeout": None},
        major=5,
        facts=ALL_EVENTS,
    ),
    Case("timeout-not-above-deadline", "proxy_connect_timeout", {"proxy_connect_timeout": "900ms"}, major=5),
    Case("timeout-not-above-deadline", "proxies[0].timeout", granular(timeout=None), major=5),
    Case("timeout-invalid", f"{CONNECT}.timeout", {f"{CONNECT}.timeout": "3 seconds"}),
    Case("timeout-invalid", "proxy_connect_timeout", {"proxy_connect_timeout": 3}, major=5),
    Case(
        "connection-meta-off",
        "channel.proxy.subscribe.include_connection_meta",
        {"channel.proxy.subscribe.include_connection_meta": None},
        facts=ALL_EVENTS,
    ),
    Case(
        "connection-meta-off",
        "proxy_include_connection_meta",
        {"proxy_include_connection_meta": False},
        major=5,
        facts=replace(CONNECT_ONLY, events=("connect", "rpc", "publish")),
    ),
    Case("guard-header-missing", STATIC, {STATIC: None}),
    Case("guard-header-missing", STATIC, {STATIC: {"Authorization": "Basic right-token"}}),
    Case("guard-header-missing", "proxy_static_http_headers", {"proxy_static_http_headers": {}}, major=5),
    Case("guard-header-wrong", STATIC, {STATIC: {HEADER: "wrong"}}),
    Case("guard-header-wrong", STATIC, {STATIC: {HEADER: "${PROXY_TOKEN}"}}),
    Case(
        "guard-header-wrong",
        "proxy_static_http_headers",
        {"proxy_static_http_headers": {HEADER: "${CENTRIFUGO_VAR_PROXY_TOKEN}"}},
        major=5,
    ),
    Case(
        "guard-header-wrong",
        "proxies[0].static_http_headers",
        granular(static_http_headers={HEADER: "${CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS}"}),
        major=5,
    ),
    Case("guard-header-from-client", f"{CONNECT}.http_headers", {f"{CONNECT}.http_headers": [HEADER.upper()]}),
    Case(
        "guard-header-from-client",
        f"{CONNECT}.emulated_headers",
        {f"{CONNECT}.emulated_headers": [HEADER]},
        facts=UNGUARDED,
    ),
    Case("guard-header-from-client", "proxy_http_headers", {"proxy_http_headers": f"Cookie {HEADER}"}, major=5),
    Case(
        "guard-header-from-client",
        f"{CONNECT}.http_headers",
        {STATIC: {"authorization": "Bearer right-token"}, f"{CONNECT}.http_headers": ["AUTHORIZATION"]},
    ),
    Case(
        "guard-header-from-client",
        f"{CONNECT}.http_headers",
        {STATIC: {HEADER: "", "authorization": "Bearer right-token"}, f"{CONNECT}.http_headers": ["Authorization"]},
    ),
    Case("guard-header-from-client", f"{CONNECT}.grpc_metadata", {f"{CONNECT}.grpc_metadata": [HEADER.lower()]}),
    Case("guard-header-from-client", "proxy_grpc_metadata", {"proxy_grpc_metadata": [HEADER]}, major=5),
    Case("guard-header-from-client", "proxies[0].grpc_metadata", granular(grpc_metadata=[HEADER]), major=5),
    Case("transform-401-missing", TRANSFORMS, {TRANSFORMS: None}),
    Case("transform-401-missing", TRANSFORMS, {TRANSFORMS: [to_disconnect(403, 4501)]}),
    Case("transform-401-missing", V5_TRANSFORMS, {V5_TRANSFORMS: []}, major=5),
    Case("transform-401-reconnects", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_disconnect(401, 4401)]}, facts=ENDING),
    Case("transform-401-reconnects", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_disconnect(401, 3000)]}, facts=ENDING),
    Case("transform-401-reconnects", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_error(401, 1401, True)]}, facts=ENDING),
    Case(
        "transform-401-reconnects",
        f"{V5_TRANSFORMS}[0]",
        {V5_TRANSFORMS: [to_disconnect(401, 4499), PRINTED]},
        major=5,
        facts=ENDING,
    ),
    Case("transform-401-terminal", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_disconnect(401, 4501)]}),
    Case("transform-401-terminal", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_error(401, 1401, False)]}),
    Case("transform-401-terminal", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_error(401, 109, True)]}),
    Case("transform-401-terminal", f"{V5_TRANSFORMS}[0]", {V5_TRANSFORMS: [to_disconnect(401, 4999)]}, major=5),
    Case("transform-outage-terminal", f"{TRANSFORMS}[1]", {TRANSFORMS: [PRINTED, to_disconnect(503, 4503)]}),
    Case("transform-outage-terminal", f"{TRANSFORMS}[1]", {TRANSFORMS: [PRINTED, to_error(500, 1500, False)]}),
    Case("transform-outage-terminal", f"{TRANSFORMS}[1]", {TRANSFORMS: [PRINTED, to_error(503, 109, True)]}),
    Case("transform-outage-terminal", f"{TRANSFORMS}[0]", {TRANSFORMS: [to_disconnect(503, 3500)]}, facts=ENVELOPE),
    Case(
        "transform-on-refresh",
        "client.proxy.refresh.http.status_to_code_transforms[1]",
        {"client.proxy.refresh.http.status_to_code_transforms": [PRINTED, to_disconnect(503, 4103)]},
        facts=ALL_EVENTS,
    ),
    Case(
        "transform-on-refresh",
        f"{V5_TRANSFORMS}[0]",
        {V5_TRANSFORMS: [to_disconnect(500, 4100)]},
        major=5,
        facts=replace(ENVELOPE, events=("connect", "sub_refresh")),
    ),
    Case("origins-any", "client.allowed_origins", {"client.allowed_origins": ["https://app.test", "*"]}),
    Case("origins-any", "allowed_origins", {"allowed_origins": "https://*"}, major=5),
    Case("origins-any", "client.allowed_origins", {"client.allowed_origins": ["{http,https}://*.*"]}),
    Case("origins-null", "client.allowed_origins", {"client.allowed_origins": ["https://app.test", "null"]}),
    Case("origins-null", "allowed_origins", {"allowed_origins": "https://app.test null"}, major=5),
    Case("origins-unmatched", "client.allowed_origins", {"client.allowed_origins": "https://app.test *"}),
    *(
        Case("origins-unmatched", "client.allowed_origins", {"client.allowed_origins": ["https://app.test", entry]})
        for entry in (
            "app.example.com",
            "https://App.example.com",
            "https://app.test/",
            "https://a.test,https://b.test",
        )
    ),
    Case("origins-unmatched", "client.allowed_origins", {"client.allowed_origins": "https://a.test https://b.test"}),
    Case("origins-unmatched", "allowed_origins", {"allowed_origins": '["https://app.test"]'}, major=5),
    Case("origins-empty", "client.allowed_origins", {"client.allowed_origins": []}),
    Case("origins-empty", "allowed_origins", {"allowed_origins": None}, major=5),
    Case(
        "anonymous-access",
        "client.allow_anonymous_connect_without_token",
        {"client.allow_anonymous_connect_without_token": "true"},
    ),
    Case(
        "anonymous-access",
        "namespaces[0].allow_history_for_anonymous",
        {"namespaces": [{"name": "news", "allow_history_for_anonymous": True}]},
        major=5,
    ),
    Case("insecure-mode", "client.insecure", {"client.insecure": True}),
    Case("insecure-mode", "api_insecure", {"api_insecure": 1}, major=5),
    Case("jwt-keys", "client.token.hmac_secret_key", {"client.token.hmac_secret_key": "invented"}),
    Case("jwt-keys", "client.token.hmac_previous_secret_key", {"client.token.hmac_previous_secret_key": "invented"}),
    Case("jwt-keys", "token_jwks_public_endpoint", {"token_jwks_public_endpoint": "https://keys.test"}, major=5),
    Case(
        "subscription-tokens",
        "client.subscription_token.hmac_secret_key",
        {"client.subscription_token.enabled": True, "client.subscription_token.hmac_secret_key": "invented"},
        facts=ALL_EVENTS,
    ),
    Case(
        "subscription-tokens",
        "client.subscription_token.hmac_previous_secret_key",
        {"client.subscription_token.enabled": True, "client.subscription_token.hmac_previous_secret_key": "invented"},
        facts=ALL_EVENTS,
    ),
    Case(
        "subscription-tokens",
        "subscription_token_rsa_public_key",
        {"separate_subscription_token_config": True, "subscription_token_rsa_public_key": "-----BEGIN PUBLIC KEY-----"},
        major=5,
        facts=replace(CONNECT_ONLY, events=("connect", "subscribe")),
    ),
    Case(
        "user-limited-channels",
        "channel.without_namespace.allow_user_limited_channels",
        {"channel.without_namespace.allow_user_limited_channels": True},
        facts=ALL_EVENTS,
    ),
    Case(
        "namespace-proxy-off",
        "channel.namespaces[0].allow_publish_for_subscriber",
        {
            "channel.namespaces": [
                {"name": "family", "subscribe_proxy_enabled": True, "allow_publish_for_subscriber": True}
            ]
        },
        facts=ONE_NAMESPACE,
    ),
    Case(
        "namespace-proxy-off",
        "allow_subscribe_for_client",
        {"allow_subscribe_for_client": True},
        major=5,
        facts=replace(CONNECT_ONLY, events=("connect", "subscribe")),
    ),
    Case(
        "namespace-open",
        "channel.namespaces[0].allow_subscribe_for_client",
        {"channel.namespaces": [{"name": "family", "allow_subscribe_for_client": True}]},
    ),
    Case(
        "namespace-sub-refresh-off",
        "channel.namespaces[0].sub_refresh_proxy_enabled",
        {"channel.namespaces": [{"name": "family", "subscribe_proxy_enabled": True}]},
        facts=replace(SUBSCRIBE_ONLY, subscriptions_expire=True),
    ),
    Case(
        "namespace-sub-refresh-off",
        "namespaces[0].proxy_sub_refresh",
        {"namespaces": [{"name": "family", "proxy_subscribe": True}]},
        major=5,
        facts=replace(SUBSCRIBE_ONLY, subscriptions_expire=True),
    ),
    Case("policy-namespace-missing", "channel.namespaces", {"channel.namespaces": []}, facts=ONE_NAMESPACE),
    Case("policy-namespace-missing", "namespaces", {"namespaces": None}, major=5, facts=ONE_NAMESPACE),
    Case(
        "policy-namespace-missing",
        "channel.without_namespace.subscribe_proxy_enabled",
        {"channel.without_namespace": None},
        facts=replace(ONE_NAMESPACE, namespaces={"": frozenset({"subscribe"})}),
    ),
    Case(
        "policy-namespace-missing",
        "channel.namespaces[0].publish_proxy_enabled",
        {"channel.namespaces": [{"name": "family", "subscribe_proxy_enabled": True}]},
        facts=ONE_NAMESPACE,
    ),
    Case(
        "policy-namespace-missing",
        "namespaces[0].proxy_subscribe",
        {"namespaces": [{"name": "family", "proxy_publish": True}]},
        major=5,
        facts=ONE_NAMESPACE,
    ),
    Case("mixed-layouts", "allowed_origins", {"allowed_origins": ["https://app.test"]}),
    Case("boolean-invalid", "client.insecure", {"client.insecure": "yes"}),
    Case(
        "boolean-invalid",
        "proxies[0].include_connection_meta",
        {"proxies": [{"name": "other", "endpoint": "http://other", "include_connection_meta": "tRue"}]},
    ),
    Case(
        "boolean-invalid",
        "channel.namespaces[0].allow_presence_for_client",
        {"channel.namespaces": [{"name": "news", "allow_presence_for_client": "off"}]},
    ),
]

SILENT: Final = [
    Case(
        "origins-unmatched",
        "patterns, ports and other schemes",
        {
            "client.allowed_origins": [
                "*.app.test",
                "{http,https}://app.test",
                "capacitor://localhost",
                "null",
                "file://",
            ]
        },
    ),
    Case(
        "origins-unmatched",
        "several origins in one string",
        {"allowed_origins": "https://a.test http://localhost:3000"},
        major=5,
    ),
    Case("connect-proxy-missing", "a connect proxy by name", granular(), major=5),
    Case("event-proxy-missing", "an event that is not configured", {"client.proxy.refresh": None}),
    Case(
        "event-proxy-missing",
        "rpc in a namespace only",
        {"rpc.without_namespace": None, "rpc.namespaces": [{"name": "diary", "proxy_enabled": True}]},
        facts=ALL_EVENTS,
    ),
    Case(
        "event-proxy-missing",
        "another finding reports the namespace",
        {"channel.namespaces": [{"name": "family"}]},
        facts=ONE_NAMESPACE,
    ),
    Case("refresh-proxy-missing", "no pool", {f"{CONNECT}.timeout": "4s"}),
    Case(
        "refresh-proxy-missing",
        "another backend decides",
        {"client.proxy.refresh": {"enabled": True, "endpoint": "http://other/refresh"}},
        facts=POOL_WITHOUT_REFRESH,
    ),
    Case(
        "event-not-answered",
        "rpc at another backend",
        {"rpc.proxy.endpoint": "http://other/rpc", "rpc.without_namespace.proxy_enabled": True},
    ),
    Case(
        "event-not-answered",
        "a proxy that is not in use",
        {"rpc.proxy": {"endpoint": "http://x/centrifugo/rpc", "include_connection_meta": True}},
    ),
    Case("endpoint-path", "a gateway's prefix", {f"{CONNECT}.endpoint": "http://x/rt/centrifugo/connect"}),
    *(
        Case("endpoint-invalid", "a URL", {f"{CONNECT}.endpoint": f"{url}/centrifugo/connect"})
        for url in (
            *("http://[::1]:9730", "http://[fe80::1%25eth0]:9730", "http://user:p%40ss@x:9730", "http://a@b:c@x"),
            *("https://x", "http://x:/a%20b", "http://ü", "http://%C3%BC"),
        )
    ),
    Case(
        "namespace-open",
        "a stream proxy decides",
        {
            "channel.namespaces": [
                {"name": "news", "subscribe_stream_proxy_enabled": True, "allow_subscribe_for_client": True}
            ],
            "channel.proxy.subscribe_stream.endpoint": "grpc://news:9000",
        },
    ),
    Case(
        "namespace-proxy-off",
        "a stream proxy decides",
        {"namespaces": [{"name": "news", "proxy_subscribe_stream": True, "allow_publish_for_client": True}]},
        major=5,
        facts=ALL_EVENTS,
    ),
    Case("endpoint-grpc", "gRPC for another backend", {"rpc.proxy.endpoint": "grpc://other:9000"}),
    Case("timeout-not-above-deadline", "just above", {f"{CONNECT}.timeout": "2501ms"}),
    Case("timeout-not-above-deadline", "nanoseconds", {f"{CONNECT}.timeout": 3_000_000_000}),
    Case(
        "timeout-not-above-deadline",
        "the service calls no rpc backend",
        {"rpc.proxy.timeout": "1s"},
        facts=replace(ALL_EVENTS, rpc_deadline_ms=0),
    ),
    Case("timeout-invalid", "minutes and seconds", {"proxy_connect_timeout": "1m30.5s"}, major=5),
    Case("connection-meta-off", "connect has no meta yet", {f"{CONNECT}.include_connection_meta": False}),
    Case("guard-header-missing", "no guard", {STATIC: None}, facts=UNGUARDED),
    Case("guard-header-missing", "a bearer token", {STATIC: {"Authorization": "bearer right-token"}}),
    Case("guard-header-wrong", "a rotation's older token", {STATIC: {HEADER.lower(): "older-token"}}),
    Case("guard-header-wrong", "a reference", {STATIC: [{"key": HEADER, "value": "${CENTRIFUGO_VAR_X}"}]}),
    Case(
        "guard-header-wrong",
        "the whole table from the environment",
        {"proxy_static_http_headers": {HEADER: "${CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS}"}},
        major=5,
    ),
    Case("guard-header-from-client", "another header", {f"{CONNECT}.http_headers": ["Traceparent"]}),
    Case(
        "guard-header-from-client",
        "a header that the service does not read",
        {f"{CONNECT}.http_headers": ["Authorization"]},
    ),
    Case("transform-401-missing", "envelope", {}, facts=ENVELOPE),
    Case(
        "transform-401-missing",
        "JSON text",
        {V5_TRANSFORMS: '[{"status_code": 401, "to_disconnect": {"code": 4401}}]'},
        major=5,
    ),
    Case(
        "transform-401-reconnects",
        "envelope",
        {TRANSFORMS: [to_disconnect(401, 4401)]},
        facts=replace(ENVELOPE, invalid_ticket_code=4501),
    ),
    Case(
        "transform-401-reconnects",
        "an event that the service never answers with 401",
        {"channel.proxy.subscribe.http.status_to_code_transforms": [to_disconnect(401, 4401)]},
        facts=replace(ALL_EVENTS, invalid_ticket_code=4501),
    ),
    Case(
        "transform-401-terminal",
        "an event that the service never answers with 401",
        {"rpc.proxy.http.status_to_code_transforms": [to_disconnect(401, 4501)]},
        facts=ALL_EVENTS,
    ),
    Case(
        "transform-401-reconnects",
        "an error that is not temporary",
        {TRANSFORMS: [to_error(401, 1401, False)]},
        facts=ENDING,
    ),
    Case(
        "transform-401-reconnects",
        "the error for an expired token",
        {TRANSFORMS: [to_error(401, 109, True)]},
        facts=ENDING,
    ),
    Case(
        "transform-401-reconnects",
        "only the first transform for a status counts",
        {TRANSFORMS: [to_disconnect(401, 4501), to_disconnect(401, 4401)]},
        facts=ENDING,
    ),
    Case("transform-401-terminal", "another code that reconnects", {TRANSFORMS: [to_disconnect(401, 4402)]}),
    Case(
        "transform-401-terminal",
        "only the first transform for a status counts",
        {TRANSFORMS: [PRINTED, to_disconnect(401, 4501)]},
    ),
    Case(
        "transform-401-terminal",
        "the configured code ends the client too",
        {TRANSFORMS: [to_disconnect(401, 4501)]},
        facts=ENDING,
    ),
    Case("transform-outage-terminal", "a code that reconnects", {TRANSFORMS: [PRINTED, to_disconnect(503, 4103)]}),
    Case(
        "transform-outage-terminal",
        "an error fails one call of a session event",
        {"rpc.proxy.http.status_to_code_transforms": [to_error(503, 503, False)]},
        facts=ALL_EVENTS,
    ),
    Case("transform-on-refresh", "a transform of 401, which refresh never answers", {}, major=5, facts=ALL_EVENTS),
    Case("origins-null", "another app", {"client.allowed_origins": ["file://", "https://null.test"]}),
    Case("origins-any", "a scheme that no web page has", {"client.allowed_origins": ["capacitor://*"]}),
    Case("origins-any", "a wildcard for subdomains", {"client.allowed_origins": ["https://*.app.test"]}),
    Case("origins-empty", "one origin as a string", {"allowed_origins": "https://app.test"}, major=5),
    Case("anonymous-access", "off", {"client.allow_anonymous_connect_without_token": "false"}),
    Case("insecure-mode", "off", {"client.insecure": False, "admin.insecure": 0}),
    Case("jwt-keys", "an audience without a key", {"client.token.audience": "invented"}),
    Case(
        "subscription-tokens",
        "no subscribe proxy that could be bypassed",
        {"client.subscription_token.enabled": True, "client.subscription_token.hmac_secret_key": "invented"},
    ),
    Case(
        "user-limited-channels",
        "no subscribe proxy that could be bypassed",
        {"channel.without_namespace.allow_user_limited_channels": True},
    ),
    Case(
        "namespace-proxy-off",
        "the subscribe proxy is called first",
        {"channel.namespaces": [{"name": "f", "subscribe_proxy_enabled": True, "allow_subscribe_for_client": True}]},
        facts=ALL_EVENTS,
    ),
    Case(
        "namespace-sub-refresh-off",
        "subscriptions do not expire",
        {"channel.namespaces": [{"name": "family", "subscribe_proxy_enabled": True}]},
        facts=ONE_NAMESPACE,
    ),
    Case(
        "policy-namespace-missing",
        "another option lets clients publish",
        {"channel.namespaces": [{"name": "family", "subscribe_proxy_enabled": True, "allow_publish_for_client": True}]},
        facts=ONE_NAMESPACE,
    ),
    Case(
        "policy-namespace-missing",
        "the policy allows no publication",
        {"channel.namespaces": [{"name": "family", "subscribe_proxy_enabled": True}]},
        facts=SUBSCRIBE_ONLY,
    ),
    Case(
        "policy-namespace-missing",
        "a node with a name",
        {"name": "node-1"},
        major=5,
        facts=replace(ONE_NAMESPACE, namespaces={"": BOTH}),
    ),
    Case("namespace-open", "presence only", {"allow_presence_for_client": True}, major=5),
    Case(
        "boolean-invalid",
        "spellings that v6 accepts",
        {"admin.enabled": "F", "health.enabled": "", "admin.insecure": 0},
    ),
    Case("boolean-invalid", "v5 starts with it", {"admin_insecure": "yes"}, major=5),
    Case("mixed-layouts", "an option of both layouts", {"health.enabled": True}),
]

test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)


@pytest.mark.parametrize("changes", [{V5_TRANSFORMS: [PRINTED]}, granular(static_http_headers=None)])
def test_a_table_inside_an_entry_of_a_yaml_list_is_reported_for_v5(changes: dict[str, Any]) -> None:
    seen = findings_in(changed(valid_config(5, UNGUARDED), changes), UNGUARDED, "yaml")

    assert [(finding.id, finding.path) for finding in seen] == [("v5-yaml-nested", list(changes)[-1])]


def test_tables_inside_an_entry_of_a_list_are_accepted_in_v6_and_in_toml() -> None:
    assert findings_in(valid_config(6), file_format="yaml") == []
    assert findings_in(valid_config(5), file_format="toml") == []


def test_strings_in_a_yaml_list_are_accepted_in_v5() -> None:
    proxy = granular(http_status_to_code_transforms=None, static_http_headers=None, http_headers=["Cookie"])
    facts = replace(ENVELOPE, tokens=())

    assert findings_in(changed(valid_config(5, facts), proxy), facts, "yaml") == []


CHAT_BY_NAME = {"name": "chat", "subscribe_proxy_enabled": True, "subscribe_proxy_name": "named"}
CHAT_SUBSCRIBE_ONLY = replace(
    ALL_EVENTS, tokens=(), namespaces={"chat": frozenset({"subscribe"})}, subscriptions_expire=False
)


@pytest.mark.parametrize(
    "change",
    [
        {"channel.namespaces": [CHAT_BY_NAME]},
        {"rpc.without_namespace": {"proxy_enabled": True, "proxy_name": "named"}},
    ],
    ids=["subscribe", "rpc"],
)
def test_a_named_proxy_is_checked_if_it_serves_rpc_or_a_namespace_of_the_policy(change: dict[str, Any]) -> None:
    unused = {"name": "unused", "endpoint": "http://other/path"}
    named = {"name": "named", "endpoint": "http://x/other", "include_connection_meta": True, "timeout": "4s"}

    seen = findings_in(
        changed(valid_config(6, CHAT_SUBSCRIBE_ONLY), {**change, "proxies": [unused, named]}), CHAT_SUBSCRIBE_ONLY
    )

    assert [(finding.id, finding.path) for finding in seen] == [("endpoint-path", "proxies[1].endpoint")]


ELSEWHERE = {"name": "named", "endpoint": "http://legacy:80/hooks/sub"}


def test_a_named_proxy_of_other_namespaces_may_have_any_endpoint() -> None:
    facts = replace(ALL_EVENTS, namespaces={"family": BOTH})
    config = valid_config(6, facts)
    config["channel"]["namespaces"].append(CHAT_BY_NAME)
    config["rpc"]["namespaces"] = [{"name": "chat", "proxy_enabled": True, "proxy_name": "named"}]

    assert findings_in({**config, "proxies": [ELSEWHERE]}, facts) == []


def test_a_named_proxy_of_other_namespaces_may_have_any_endpoint_in_v5_too() -> None:
    subscribe_only = replace(
        CONNECT_ONLY, events=("connect", "subscribe"), namespaces={"family": frozenset({"subscribe"})}
    )
    ours = {"name": "ours", "endpoint": "http://x/centrifugo/subscribe", "include_connection_meta": True}
    ours |= {"static_http_headers": {HEADER: "right-token"}}
    config = changed(valid_config(5), granular())
    config["proxies"] += [ours, ELSEWHERE]
    by_name = {"family": "ours", "chat": "named"}
    config["namespaces"] = [{"name": name, "subscribe_proxy_name": proxy} for name, proxy in by_name.items()]

    assert findings_in(config, subscribe_only) == []


def test_a_named_proxy_with_an_endpoint_of_this_service_is_always_checked() -> None:
    config = valid_config(6, replace(ALL_EVENTS, namespaces={"family": BOTH}))
    config["channel"]["namespaces"].append(CHAT_BY_NAME)
    config["proxies"] = [{**ELSEWHERE, "endpoint": "http://x/centrifugo/subscribe", "timeout": "4s"}]

    seen = findings_in(config, replace(ALL_EVENTS, namespaces={"family": BOTH}))

    assert {finding.id for finding in seen} == {
        "connection-meta-off",
        "guard-header-missing",
        "namespace-sub-refresh-off",
    }


USERS_SEE_IT = "users see a temporary internal error each time."
REFRESH_PATH = "client.proxy.refresh"


@pytest.mark.parametrize(
    ("changes", "major", "effect"),
    [
        ({f"{REFRESH_PATH}.http.static_headers": None}, 6, "the connection continues for another minute each time"),
        ({f"{REFRESH_PATH}.endpoint": "http://x/"}, 6, "the connection continues for another minute each time"),
        ({f"{REFRESH_PATH}.endpoint": "http://x:y/"}, 6, "the connection continues for another minute each time"),
        ({f"{REFRESH_PATH}.endpoint": "x:1"}, 6, "the connection continues for another minute each time"),
        ({"channel.proxy.sub_refresh.endpoint": "x:1"}, 6, "the subscription continues for another minute each time"),
        ({"channel.proxy.subscribe.endpoint": "x:1"}, 6, USERS_SEE_IT),
        ({"proxy_static_http_headers": None}, 5, f"The service answers every connect with 403, and {USERS_SEE_IT}"),
    ],
)
def test_the_effect_in_a_finding_fits_the_event(changes: dict[str, Any], major: int, effect: str) -> None:
    (finding,) = findings_in(changed(valid_config(major, ALL_EVENTS), changes), ALL_EVENTS, major=major)

    assert effect in finding.effect


@pytest.mark.parametrize(
    ("right", "effect"),
    [
        ("allow_publish_for_client", "Every connected client may publish to these channels"),
        ("allow_publish_for_subscriber", "Every subscriber may publish to these channels"),
    ],
)
def test_the_effect_in_a_finding_names_who_may_publish(right: str, effect: str) -> None:
    namespace = {"name": "family", "subscribe_proxy_enabled": True, right: True}
    config = changed(valid_config(6, ONE_NAMESPACE), {"channel.namespaces": [namespace]})

    (finding,) = findings_in(config, ONE_NAMESPACE)

    assert finding.effect == f"{effect}, because the publish proxy is off here."


RULE_MODULES = (
    test_channels,
    test_data,
    test_exposure,
    test_headers,
    test_layout,
    test_limits,
    test_references,
    test_rights,
    test_stale,
    test_start,
)


REPORTED: Final = [case for module in RULE_MODULES for case in module.FIRES] + FIRES
OF_ANY_OPTION: Final = {"value-invalid", "boolean-invalid", "option-misspelt", "mixed-layouts", "reference-literal"}


def listed_findings(major: int, option: str) -> set[str]:
    """The findings that the list of judged options has for this option."""
    return {finding for pattern in matching(JUDGED[major], option) for finding in JUDGED[major][pattern].split()}


def test_the_finding_of_each_case_about_an_option_is_in_the_list_of_judged_options() -> None:
    cases = [(case.major, re.sub(r"\[\d+\]", "[]", case.what), case.finding_id) for case in REPORTED]

    missing = {
        (option, finding)
        for major, option, finding in cases
        if option in values_of(major) and finding not in OF_ANY_OPTION | listed_findings(major, option)
    }

    assert missing == set()


def test_every_rule_has_a_case_that_it_reports_and_a_case_that_it_does_not_report() -> None:
    silent = [case for module in RULE_MODULES for case in module.SILENT] + SILENT
    of_the_format = {"v5-yaml-nested"}  # other tests check it

    assert {case.finding_id for case in REPORTED} | of_the_format == set(RULES)
    assert {case.finding_id for case in silent} | of_the_format == set(RULES)


@pytest.mark.parametrize(
    ("event", "effect", "lost"),
    [("refresh", "for another minute each time", "connection"), ("sub_refresh", "another minute", "subscription")],
)
def test_findings_about_refresh_name_the_effect_on_the_user(event: str, effect: str, lost: str) -> None:
    path = f"http://x/centrifugo/{event}"
    config = {"proxy_include_connection_meta": True, f"proxy_{event}_endpoint": path, f"proxy_{event}_timeout": "4s"}
    config |= {f"proxy_{event}": True, V5_TRANSFORMS: [PRINTED, to_disconnect(503, 4100)]}

    by_id = {finding.id: finding for finding in findings_in(changed(valid_config(5), config))}

    assert effect in by_id["event-not-answered"].effect
    assert f"ends the user's {lost}" in by_id["transform-on-refresh"].effect
    assert by_id["transform-on-refresh"].remedy.endswith("in v5 that needs granular_proxy_mode.")


def test_an_option_with_a_dotted_name_is_checked() -> None:
    seen = findings_in({**valid_config(6), "HTTP_API.insecure": True, "client.proxy.connect": {"timeout": "1s"}})

    assert [finding.path for finding in seen] == ["client.proxy.connect.timeout", "http_api.insecure"]


def test_no_two_rules_have_the_same_id() -> None:
    assert sorted(RULE.findall(SOURCES)) == sorted(RULES)


def test_findings_about_secrets_do_not_show_the_secrets() -> None:
    secrets = {STATIC: {HEADER: "sent-by-mistake"}, "client.token.hmac_secret_key": "a-signing-key"}

    seen = findings_in(changed(valid_config(6), secrets))

    assert [finding.id for finding in seen] == ["guard-header-wrong", "jwt-keys"]
    assert [secret for secret in ("sent-by-mistake", "a-signing-key", "right-token") if secret in str(seen)] == []


def test_an_option_that_several_events_share_is_reported_once() -> None:
    two_events = replace(CONNECT_ONLY, events=("connect", "rpc"))

    seen = findings_in(changed(valid_config(5, two_events), {"proxy_static_http_headers": None}), two_events)

    assert [finding.path for finding in seen] == ["proxy_static_http_headers"]
