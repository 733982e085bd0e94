"""The generated configuration: for any settings, it has no findings once the origins are filled in."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from centrifugo_proxy.policy.file import read_policy
from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS, EVENTS, ResponseMode
from centrifugo_proxy.server_config.document import FORMATS, Commented, plain, render
from centrifugo_proxy.server_config.generate import MAJORS, NotPossible, generate, todo
from centrifugo_proxy.server_config.linter import lint
from centrifugo_proxy.server_config.parsing import lowered, parse
from centrifugo_proxy.server_config.service_facts import ServiceFacts, namespaces_of
from tests.centrifugo_proxy.server_config.valid_configs import ALL_EVENTS, BOTH, CONNECT_ONLY, valid_config

ENVELOPE = replace(CONNECT_ONLY, mode=ResponseMode.ENVELOPE)
HEADER_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


def with_options_for_its_events(facts: ServiceFacts) -> st.SearchStrategy[ServiceFacts]:
    """The facts with options that fit their events: a pool only with refresh, and namespaces only with a policy."""
    names = st.sampled_from(["", "family", "news"])
    policies = st.dictionaries(names, st.frozensets(st.sampled_from(sorted(BOTH))))
    return st.builds(
        lambda pool, namespaces: replace(facts, pool=pool, namespaces=namespaces),
        st.booleans() if "refresh" in facts.events else st.just(False),
        policies if "subscribe" in facts.events else st.just({}),
    )


services = st.builds(
    ServiceFacts,
    base_url=st.sampled_from(["http://localhost:9730", "https://rt.test/prefix"]),
    deadline_ms=st.integers(1, 60_000),
    claims_deadline_ms=st.integers(0, 5_000),
    mode=st.sampled_from(ResponseMode),
    invalid_ticket_code=st.integers(4000, 4999),
    tokens=st.lists(HEADER_TEXT.map(str.encode), max_size=2).map(tuple),
    signed=st.booleans(),
    events=st.sampled_from([("connect",), ("connect", "refresh"), EVENTS, ("connect", *CHANNEL_EVENTS, "rpc")]),
    family_deadline_ms=st.integers(0, 60_000),
    rpc_deadline_ms=st.integers(0, 60_000),
    subscriptions_expire=st.booleans(),
).flatmap(with_options_for_its_events)


@settings(deadline=None)  # a busy machine is slow
@given(services, st.sampled_from(MAJORS), st.sampled_from(FORMATS), st.booleans())
def test_a_printed_configuration_has_no_findings_once_the_origins_are_filled_in(
    facts: ServiceFacts, major: int, file_format: str, with_secrets: bool
) -> None:
    tree = generate(facts, major, file_format, with_secrets=with_secrets)
    (tree["client"] if major == 6 else tree)["allowed_origins"] = ["https://app.test"]

    report = lint(render(tree, file_format), f"config.{file_format}", facts)

    assert report == (major, [])


@settings(deadline=None)
@given(services, st.sampled_from(FORMATS))
def test_the_configuration_for_v6_has_the_same_content_in_every_format(facts: ServiceFacts, file_format: str) -> None:
    tree = generate(facts, 6, file_format, with_secrets=True)

    assert parse(render(tree, file_format), file_format) == lowered(plain(tree))


@pytest.mark.parametrize("token", ["1e100", "0x1F", "12_000", "yes", "y", "null", "-.5", ".nan"])
def test_a_token_that_looks_like_another_type_stays_text_in_yaml(token: str) -> None:
    facts = replace(CONNECT_ONLY, tokens=(token.encode(),))
    texts = {major: render(generate(facts, major, "yaml", with_secrets=True), "yaml") for major in MAJORS}

    v6, v5 = (parse(texts[major], "yaml", major) for major in MAJORS)

    sent = {"x-centrifugo-proxy-token": token}
    assert v6["client"]["proxy"]["connect"]["http"]["static_headers"] == sent
    assert v5["proxy_static_http_headers"] == sent


def test_the_v6_connect_proxy_has_a_timeout_and_a_transform_and_a_reference_to_the_token() -> None:
    assert plain(generate(CONNECT_ONLY, 6, "json")) == {
        "client": {
            "allowed_origins": [],
            "stale_close_delay": "20000ms",
            "proxy": {
                "connect": {
                    "enabled": True,
                    "endpoint": "http://realtime:9730/centrifugo/connect",
                    "timeout": "3000ms",
                    "http": {
                        "status_to_code_transforms": [
                            {"status_code": 401, "to_disconnect": {"code": 4401, "reason": "invalid ticket"}}
                        ],
                        "static_headers": {"X-Centrifugo-Proxy-Token": "${CENTRIFUGO_VAR_PROXY_TOKEN}"},
                    },
                }
            },
        }
    }


def test_the_v5_connect_proxy_has_a_timeout_and_a_transform_and_a_reference_to_the_token() -> None:
    assert plain(generate(CONNECT_ONLY, 5, "json")) == {
        "allowed_origins": [],
        "client_stale_close_delay": "20000ms",
        "proxy_connect_endpoint": "http://realtime:9730/centrifugo/connect",
        "proxy_connect_timeout": "3000ms",
        "proxy_http_status_code_transforms": [
            {"status_code": 401, "to_disconnect": {"code": 4401, "reason": "invalid ticket"}}
        ],
        "proxy_static_http_headers": {"X-Centrifugo-Proxy-Token": "${CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS}"},
    }


def test_in_v6_session_events_have_proxies_and_the_channels_of_the_policy_have_namespaces() -> None:
    facts = replace(ALL_EVENTS, tokens=(), namespaces={"": BOTH, "family": BOTH})

    config = plain(generate(facts, 6, "json"))

    proxied = {"subscribe_proxy_enabled": True, "publish_proxy_enabled": True, "sub_refresh_proxy_enabled": True}
    assert config["channel"]["namespaces"] == [{"name": "family", **proxied}]
    assert config["channel"]["without_namespace"] == proxied
    assert config["channel"]["proxy"]["sub_refresh"] == {
        "endpoint": "http://realtime:9730/centrifugo/sub_refresh",
        "timeout": "1500ms",
        "include_connection_meta": True,
    }
    assert config["rpc"] == {
        "without_namespace": {"proxy_enabled": True},
        "proxy": {
            "endpoint": "http://realtime:9730/centrifugo/rpc",
            "timeout": "3000ms",
            "include_connection_meta": True,
        },
    }


def test_in_v5_session_events_have_proxies_and_the_channels_of_the_policy_have_namespaces() -> None:
    config = plain(generate(replace(ALL_EVENTS, namespaces={"": BOTH, "family": BOTH}), 5, "json"))

    proxied = {"proxy_subscribe": True, "proxy_publish": True, "proxy_sub_refresh": True}
    assert config["namespaces"] == [{"name": "family", **proxied}]
    assert {name: config[name] for name in proxied} == proxied
    assert config["proxy_include_connection_meta"] is True
    assert {name: value for name, value in config.items() if name.endswith("_timeout")} == {
        "proxy_connect_timeout": "3000ms",
        "proxy_refresh_timeout": "3000ms",
        "proxy_subscribe_timeout": "1500ms",
        "proxy_publish_timeout": "1500ms",
        "proxy_sub_refresh_timeout": "1500ms",
        "proxy_rpc_timeout": "3000ms",
    }


@pytest.mark.parametrize("event", ["subscribe", "publish", "sub_refresh", "rpc"])
def test_an_event_that_calls_no_peer_keeps_centrifugos_default_timeout(event: str) -> None:
    config = valid_config(5, replace(ALL_EVENTS, family_deadline_ms=0, rpc_deadline_ms=0))

    assert f"proxy_{event}_endpoint" in config
    assert f"proxy_{event}_timeout" not in config


def test_there_is_a_refresh_proxy_if_the_service_answers_refresh() -> None:
    config = valid_config(6, replace(CONNECT_ONLY, tokens=(), events=("connect", "refresh")))

    assert config["client"]["proxy"]["refresh"] == {
        "enabled": True,
        "endpoint": "http://realtime:9730/centrifugo/refresh",
        "timeout": "3000ms",
        "include_connection_meta": True,
    }


def test_the_namespaces_and_their_events_are_those_that_the_policy_allows() -> None:
    allowed = {
        "family:{family_id}:chat": ["publish"],
        "family:{family_id}": ["subscribe"],
        "lobby": ["subscribe"],
        "user:{user}": ["subscribe"],
        "*:all": ["publish"],
        "{user}:own": ["publish"],
    }
    rules = "".join(f'[[channels]]\nmatch = "{match}"\nallow = {allow}\n' for match, allow in allowed.items())

    namespaces = namespaces_of(read_policy(rules, path="policy.toml", backends=(), family_service=False))

    assert namespaces == {"family": BOTH, "": {"subscribe"}, "user": {"subscribe"}}


@pytest.mark.parametrize("name", ["f", "família", "two words"])
@pytest.mark.parametrize("major", MAJORS)
def test_a_namespace_name_that_centrifugo_refuses_is_refused(major: int, name: str) -> None:
    with pytest.raises(NotPossible, match=f"in the namespace '{name}'"):
        generate(replace(ALL_EVENTS, namespaces={name: BOTH}), major, "json")


@pytest.mark.parametrize("major", MAJORS)
def test_in_envelope_mode_there_are_no_status_transforms(major: int) -> None:
    assert "status" not in json.dumps(plain(generate(ENVELOPE, major, "json")))


@pytest.mark.parametrize("code", [4401, 4499, 4500, 4777])
def test_the_transform_for_401_has_the_configured_code_for_invalid_tickets(code: int) -> None:
    config = valid_config(5, replace(CONNECT_ONLY, invalid_ticket_code=code))

    assert config["proxy_http_status_code_transforms"][0]["to_disconnect"]["code"] == code


@pytest.mark.parametrize(("deadline_ms", "delay"), [(2_500, "20000ms"), (19_000, "20000ms"), (60_000, "61000ms")])
def test_centrifugo_closes_a_waiting_connection_after_the_sdk_and_the_service_have_given_up(
    deadline_ms: int, delay: str
) -> None:
    facts = replace(CONNECT_ONLY, deadline_ms=deadline_ms)

    assert valid_config(6, facts)["client"]["stale_close_delay"] == delay
    assert valid_config(5, facts)["client_stale_close_delay"] == delay


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize("file_format", FORMATS)
def test_the_token_is_in_the_file_only_with_the_with_secrets_option(major: int, file_format: str) -> None:
    without = render(generate(CONNECT_ONLY, major, file_format), file_format)
    complete = render(generate(CONNECT_ONLY, major, file_format, with_secrets=True), file_format)

    assert ("right-token" in without, "right-token" in complete) == (False, True)


def test_a_token_that_is_not_ascii_is_refused() -> None:
    with pytest.raises(NotPossible, match="ASCII"):
        generate(replace(CONNECT_ONLY, tokens=("tökén".encode(),)), 6, "json", with_secrets=True)


@pytest.mark.parametrize("file_format", ["yaml", "toml"])
def test_the_list_of_origins_is_empty_with_a_comment_for_the_operator(file_format: str) -> None:
    before, _, after = render(generate(CONNECT_ONLY, 6, file_format), file_format).partition("allowed_origins")

    assert "Never use *." in before.rstrip().splitlines()[-1]
    assert after.splitlines()[0] in (": []", " = []")


def test_the_steps_that_remain_for_the_operator_are_listed() -> None:
    signed = replace(CONNECT_ONLY, signed=True)

    lines = todo(signed, 6)

    assert [line.partition(":")[0] for line in lines] == [
        "client.allowed_origins",
        "X-Centrifugo-Proxy-Token",
        "CENTRIFUGO_PROXY_SECRET is set",
    ]


def test_a_pool_without_refresh_adds_a_warning_to_the_remaining_steps() -> None:
    lines = todo(replace(CONNECT_ONLY, tokens=(), pool=True), 6)

    assert [line.partition(":")[0] for line in lines] == ["client.allowed_origins", "CENTRIFUGO_REFRESH is off"]


@pytest.mark.parametrize(
    ("major", "variable"), [(6, "CENTRIFUGO_VAR_PROXY_TOKEN"), (5, "CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS")]
)
def test_the_remaining_steps_name_the_variable_that_centrifugo_needs(major: int, variable: str) -> None:
    assert [variable in line for line in todo(CONNECT_ONLY, major)] == [False, True]


def test_a_comment_does_not_change_the_configuration() -> None:
    tree: dict[str, Any] = {"table": Commented({"list": [Commented(1, "why one")]}, "why a table")}

    assert plain(tree) == {"table": {"list": [1]}}
