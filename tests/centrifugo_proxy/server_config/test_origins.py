"""Which entries of `allowed_origins` admit the origin of an attacker, and which entries never match."""

import pytest

from centrifugo_proxy.server_config.origins import admits_attackers, never_matches


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "**",
        "{*}",
        "http*",
        "https://*",
        "*://*",
        "https://*.*",
        "https://*:8443",
        "https://[a-z]*",
        "https://[!x]*",
        "https://?*",
        "{https://app.test,*}",
        "{https://*",
        "{http,https}://{*.com,*.net}",
        "https://*.com",
        "https://s*",
        "https://app.test*",
        "https://app.*",
        "https\\://*",
        "*app.test*",
        "*app*",
        "https://*example.com",
        "*example.com",
        "*://*example.com",
        "http*://app.example.com*",
        "https://*.example.com*",
    ],
)
def test_an_entry_that_admits_an_attackers_origin_is_recognized(entry: str) -> None:
    assert admits_attackers(entry)


@pytest.mark.parametrize(
    "entry",
    [
        "https://app.test",
        "https://*.example.com",
        "https://app-*.example.com",
        "*.example.com",
        "https://app.example.com:*",
        "http://localhost:*",
        "http://192.168.?.*",
        "{https://app.test,https://*.app.test}",
        "https://app.test,*",
        "https://\\*",
        "https://*.{example,test}.com",
        "https://*-app.example.com",
        "https://*app.example.com",
        "capacitor://*",
        "file://*",
        "null",
        "HTTPS://*",
        "https://[*",
        "https://[z-a]*",
        "",
    ],
)
def test_an_entry_that_admits_no_attackers_origin_is_accepted(entry: str) -> None:
    assert not admits_attackers(entry)


@pytest.mark.parametrize("entry", ["https://app.test:443", "http://app.test:80", "https://*.app.test:443"])
def test_an_entry_with_a_default_port_never_matches(entry: str) -> None:
    assert never_matches(entry)


@pytest.mark.parametrize("entry", ["https://app.test:80", "http://app.test:8080", "http://localhost:*"])
def test_an_entry_with_a_port_other_than_the_default_can_match(entry: str) -> None:
    assert not never_matches(entry)


@pytest.mark.parametrize(
    "entry",
    [
        "{https://app.test,https://other.test}",
        "{null,https://app.test}",
        "{http,https}{://}app.test",
        "https://{a,{b,c},d}.test",
    ],
)
def test_an_entry_with_alternatives_in_braces_can_match(entry: str) -> None:
    assert not never_matches(entry)


@pytest.mark.parametrize("entry", ["app{1,2}.test", "https://{a,{b,c}}.test/path", "https://{a,b}.test,https://c.test"])
def test_an_entry_that_is_invalid_outside_its_braces_never_matches(entry: str) -> None:
    assert never_matches(entry)
