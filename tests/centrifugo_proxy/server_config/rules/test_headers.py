"""Findings about headers that must not be forwarded, or that cannot be sent."""

from typing import Final

import pytest

from tests.centrifugo_proxy.server_config.cases import Case, finding_tests

CONNECT = "client.proxy.connect"
STATIC = f"{CONNECT}.http.static_headers"
GUARD = {"X-Centrifugo-Proxy-Token": "right-token"}
NAMES = (
    "Connection",
    "upgrade",
    "TE",
    "Transfer-Encoding",
    "Keep-Alive",
    "Proxy-Connection",
    "Expect",
    "HTTP2-Settings",
)
FIRES: Final = [
    *(Case("header-of-connection", f"{CONNECT}.http_headers", {f"{CONNECT}.http_headers": [name]}) for name in NAMES),
    Case("header-of-connection", f"{CONNECT}.emulated_headers", {f"{CONNECT}.emulated_headers": ["Upgrade"]}),
    Case("header-of-connection", "proxy_http_headers", {"proxy_http_headers": ["Cookie", "Connection"]}, major=5),
    *(
        Case("header-ignored", f"{CONNECT}.http_headers", {f"{CONNECT}.http_headers": [name]})
        for name in ("Host", "Content-Length", "Content-Type")
    ),
    Case("header-ignored", "proxy_http_headers", {"proxy_http_headers": "host"}, major=5),
    Case("header-of-connection", STATIC, {STATIC: {**GUARD, "Connection": "close"}}),
    Case("header-of-connection", STATIC, {STATIC: {**GUARD, "accept-encoding": "gzip"}}),
    Case(
        "header-of-connection",
        "proxy_static_http_headers",
        {"proxy_static_http_headers": {**GUARD, "Expect": "100-continue"}},
        major=5,
    ),
    *(
        Case("header-ignored", STATIC, {STATIC: {**GUARD, name: "5"}})
        for name in ("Host", "Content-Length", "Transfer-Encoding")
    ),
    Case(
        "header-ignored",
        "proxy_static_http_headers",
        {"proxy_static_http_headers": {**GUARD, "host": "realtime"}},
        major=5,
    ),
    Case("header-unsendable", STATIC, {STATIC: {**GUARD, "X-Key": "line\n"}}),
    Case("header-unsendable", STATIC, {STATIC: {**GUARD, "X Key": "value"}}),
    Case(
        "header-unsendable",
        "proxy_static_http_headers",
        {"proxy_static_http_headers": {**GUARD, "X-Key": "a\rb"}},
        major=5,
    ),
]
SILENT: Final = [
    Case(
        "header-of-connection",
        "the client's own headers",
        {f"{CONNECT}.http_headers": ["Cookie", "Origin", "User-Agent", "X-Real-Ip", "X-Forwarded-For", "Traceparent"]},
    ),
    Case("header-of-connection", "a string, which v6 does not split", {f"{CONNECT}.http_headers": "Cookie Upgrade"}),
    Case("header-of-connection", "a static header that may be sent", {STATIC: {**GUARD, "User-Agent": "centrifugo"}}),
    Case("header-ignored", "another name", {"proxy_http_headers": ["X-Forwarded-Host", "Accept-Language"]}, major=5),
    Case("header-unsendable", "a tab, and UTF-8", {STATIC: {**GUARD, "X-Key": "a\tb é"}}),
]

test_a_mistake_is_reported_at_its_path, test_a_similar_valid_configuration_is_not_reported = finding_tests(
    FIRES, SILENT
)


@pytest.mark.parametrize(("name", "about_hosts"), [("Host", True), ("Content-Type", False)])
def test_only_a_finding_about_the_host_header_has_advice_about_hosts(name: str, about_hosts: bool) -> None:
    [listed] = Case("", "", {f"{CONNECT}.http_headers": [name]}).seen()
    [static] = Case("", "", {STATIC: {**GUARD, name: "5"}}).seen()

    assert ["host" in remedy.split(".", 1)[1] for remedy in (listed.remedy, static.remedy)] == [about_hosts] * 2
