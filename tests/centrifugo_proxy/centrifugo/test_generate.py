"""What is printed for Centrifugo: it fits, whatever the settings, and says what it means."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.centrifugo.document import FORMATS, Commented, plain, render
from centrifugo_proxy.centrifugo.expected import LATER_EVENTS, Expected
from centrifugo_proxy.centrifugo.generate import MAJORS, NotPossible, generate, todo
from centrifugo_proxy.centrifugo.linter import lint
from centrifugo_proxy.centrifugo.reading import lowered, parse
from centrifugo_proxy.codes import ResponseMode
from tests.centrifugo_proxy.centrifugo.sound import ALL_EVENTS, CONNECT_ONLY, sound

ENVELOPE = replace(CONNECT_ONLY, mode=ResponseMode.ENVELOPE)
HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)

services = st.builds(
    Expected,
    base_url=st.sampled_from(["http://localhost:9730", "https://rt.test/prefix"]),
    deadline_ms=st.integers(1, 60_000),
    mode=st.sampled_from(ResponseMode),
    invalid_ticket_code=st.integers(4000, 4999),
    tokens=st.lists(HEADER_TEXT.map(str.encode), max_size=2).map(tuple),
    signed=st.booleans(),
    events=st.sets(st.sampled_from(LATER_EVENTS)).map(lambda later: ("connect", *sorted(later))),
)


@given(services, st.sampled_from(MAJORS), st.sampled_from(FORMATS), st.booleans())
def test_a_printed_configuration_has_no_findings_once_the_origins_are_filled_in(
    expected: Expected, major: int, file_format: str, with_secrets: bool
) -> None:
    try:
        tree = generate(expected, major, file_format, with_secrets=with_secrets)
    except NotPossible:
        tree = generate(expected, major, file_format, with_secrets=True)
    (tree["client"] if major == 6 else tree)["allowed_origins"] = ["https://app.test"]

    report = lint(render(tree, file_format), f"config.{file_format}", expected)

    assert report == (major, [])


@given(services, st.sampled_from(FORMATS))
def test_every_format_says_the_same(expected: Expected, file_format: str) -> None:
    tree = generate(expected, 6, file_format, with_secrets=True)

    assert parse(render(tree, file_format), file_format) == lowered(plain(tree))


def test_the_configuration_for_v6() -> None:
    assert plain(generate(CONNECT_ONLY, 6, "json")) == {
        "client": {
            "allowed_origins": [],
            "proxy": {
                "connect": {
                    "enabled": True,
                    "endpoint": "http://realtime:9730/centrifugo/connect",
                    "timeout": "3000ms",
                    "http": {
                        "status_to_code_transforms": [
                            {"status_code": 401, "to_disconnect": {"code": 4501, "reason": "invalid ticket"}}
                        ],
                        "static_headers": {"X-Centrifugo-Proxy-Token": "${CENTRIFUGO_VAR_PROXY_TOKEN}"},
                    },
                }
            },
        }
    }


def test_the_configuration_for_v5() -> None:
    assert plain(generate(CONNECT_ONLY, 5, "json")) == {
        "allowed_origins": [],
        "proxy_connect_endpoint": "http://realtime:9730/centrifugo/connect",
        "proxy_connect_timeout": "3000ms",
        "proxy_http_status_code_transforms": [
            {"status_code": 401, "to_disconnect": {"code": 4501, "reason": "invalid ticket"}}
        ],
        "proxy_static_http_headers": {"X-Centrifugo-Proxy-Token": "${CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS}"},
    }


def test_later_events_have_their_proxies_and_a_namespace_to_show_how() -> None:
    config = plain(generate(replace(ALL_EVENTS, tokens=()), 6, "json"))

    assert config["channel"]["namespaces"] == [
        {
            "name": "family",
            "subscribe_proxy_enabled": True,
            "publish_proxy_enabled": True,
            "sub_refresh_proxy_enabled": True,
        }
    ]
    assert config["channel"]["proxy"]["sub_refresh"] == {
        "endpoint": "http://realtime:9730/centrifugo/sub_refresh",
        "timeout": "3000ms",
        "include_connection_meta": True,
    }
    assert config["rpc"]["without_namespace"] == {"proxy_enabled": True}


@pytest.mark.parametrize("major", MAJORS)
def test_envelope_has_no_transforms(major: int) -> None:
    assert "status" not in json.dumps(plain(generate(ENVELOPE, major, "json")))


@pytest.mark.parametrize(("configured", "sent"), [(4401, 4501), (4499, 4501), (4500, 4500), (4777, 4777)])
def test_a_refused_ticket_ends_the_client_by_the_configured_code_or_a_terminal_one(configured: int, sent: int) -> None:
    config = sound(5, replace(CONNECT_ONLY, invalid_ticket_code=configured))

    assert config["proxy_http_status_code_transforms"][0]["to_disconnect"]["code"] == sent


def test_a_long_deadline_keeps_centrifugo_from_closing_the_waiting_connection() -> None:
    config = sound(6, replace(CONNECT_ONLY, deadline_ms=60_000))

    assert config["client"]["stale_close_delay"] == "61000ms"


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("file_format", FORMATS)
def test_the_token_is_in_the_file_only_when_asked_for(major: int, file_format: str) -> None:
    without = render(generate(CONNECT_ONLY, major, file_format), file_format)
    having = render(generate(CONNECT_ONLY, major, file_format, with_secrets=True), file_format)

    assert ("right-token" in without, "right-token" in having) == (False, True)


def test_v5_says_when_it_can_take_the_token_from_the_file_alone() -> None:
    with pytest.raises(NotPossible, match="--with-secrets"):
        generate(ALL_EVENTS, 5, "json")


def test_a_token_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(NotPossible, match="ASCII"):
        generate(replace(CONNECT_ONLY, tokens=("tökén".encode(),)), 6, "json", with_secrets=True)


@pytest.mark.parametrize("file_format", ["yaml", "toml"])
def test_the_origins_are_left_to_fill_in_with_a_comment(file_format: str) -> None:
    before, _, after = render(generate(CONNECT_ONLY, 6, file_format), file_format).partition("allowed_origins")

    assert "Never *." in before.rstrip().splitlines()[-1]
    assert after.splitlines()[0] in (": []", " = []")


def test_what_is_left_to_do_is_said_outside_the_file_too() -> None:
    signed = replace(CONNECT_ONLY, signed=True)

    lines = todo(signed, 6)

    assert [line.partition(":")[0] for line in lines] == [
        "client.allowed_origins",
        "X-Centrifugo-Proxy-Token",
        "CENTRIFUGO_PROXY_SECRET is set",
    ]


@pytest.mark.parametrize(
    ("major", "variable"), [(6, "CENTRIFUGO_VAR_PROXY_TOKEN"), (5, "CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS")]
)
def test_the_variable_that_centrifugo_wants_is_named(major: int, variable: str) -> None:
    assert [variable in line for line in todo(CONNECT_ONLY, major)] == [False, True]


def test_a_comment_does_not_change_what_is_said() -> None:
    tree: dict[str, Any] = {"table": Commented({"list": [Commented(1, "why one")]}, "why a table")}

    assert plain(tree) == {"table": {"list": [1]}}
