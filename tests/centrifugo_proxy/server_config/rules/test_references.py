"""Findings about references such as ${NAME} that Centrifugo does not replace."""

from typing import Final

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests
from tests.centrifugo_proxy.server_config.valid_configs import UNGUARDED, changed, findings_in, valid_config

CONNECT = "client.proxy.connect"
FIRES: Final = [
    Case("reference-literal", "http_api.key", {"http_api.key": "${CENTRIFUGO_API_KEY}"}),
    Case("reference-literal", "http_api.key", {"http_api.key": "${CENTRIFUGO_VAR_API_KEY}"}),
    Case("reference-literal", "engine.redis.address", {"engine.redis.address": ["redis://${REDIS_HOST}:6379"]}),
    Case(
        "reference-literal",
        "consumers[0].postgresql.dsn",
        {
            "consumers": [
                {"name": "outbox", "type": "postgresql", "postgresql": {"dsn": "${DSN}", "outbox_table_name": "outbox"}}
            ]
        },
    ),
    Case(
        "reference-literal",
        f"{CONNECT}.http.static_headers",
        {f"{CONNECT}.http.static_headers": {"X-Region": "${REGION}"}},
        facts=UNGUARDED,
    ),
    Case(
        "reference-literal",
        f"{CONNECT}.http.static_headers",
        {f"{CONNECT}.http.static_headers": {"X-Centrifugo-Proxy-Token": "right-token", "X-Region": "${REGION}"}},
    ),
    Case(
        "reference-literal",
        f"{CONNECT}.http.static_headers",
        {f"{CONNECT}.http.static_headers": {"Authorization": "Bearer right-token", "X-Region": "${REGION}"}},
    ),
    Case("reference-literal", "api_key", {"api_key": "${CENTRIFUGO_API_KEY}"}, major=5),
    Case(
        "reference-literal",
        "proxy_static_http_headers",
        {"proxy_static_http_headers": {"X-Region": "${CENTRIFUGO_VAR_REGION}"}},
        major=5,
        facts=UNGUARDED,
    ),
]
SILENT: Final = [
    Case(
        "reference-literal",
        "a reference that v6 replaces in a table of strings",
        {f"{CONNECT}.http.static_headers": {"X-Region": "${CENTRIFUGO_VAR_REGION}"}},
        facts=UNGUARDED,
    ),
    Case(
        "reference-literal",
        "the printed placeholder",
        {"proxy_static_http_headers": {"X-Centrifugo-Proxy-Token": "${CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS}"}},
        major=5,
        facts=UNGUARDED,
    ),
    Case(
        "reference-literal",
        "the guard's header, which another finding reports",
        {f"{CONNECT}.http.static_headers": {"X-Centrifugo-Proxy-Token": "${PROXY_TOKEN}"}},
    ),
    Case(
        "reference-literal",
        "the guard's token in Authorization, which another finding reports",
        {f"{CONNECT}.http.static_headers": {"Authorization": "Bearer ${PROXY_TOKEN}"}},
    ),
    Case("reference-literal", "a regular expression", {"channel_regex": r"^[a-z]+${1}$"}, major=5),
]


def test_a_finding_about_a_reference_does_not_show_its_default() -> None:
    seen = findings_in(changed(valid_config(6), {"http_api.key": "${KEY:-hunter2}"}))

    assert [finding.id for finding in seen] == ["reference-literal"]
    assert "hunter2" not in str(seen)


test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)
