"""Configuration files as Centrifugo reads them, and where one breaks."""

import pytest

from centrifugo_proxy.centrifugo.expected import reconnects
from centrifugo_proxy.centrifugo.layout6 import unfolded
from centrifugo_proxy.centrifugo.linter import configuration_of
from centrifugo_proxy.centrifugo.reading import UnparsableError, format_of, parse

SAME = {"client": {"allowed_origins": ["https://app.test"]}}


@pytest.mark.parametrize(
    ("file_format", "text"),
    [
        ("json", '{"Client": {"ALLOWED_origins": ["https://app.test"]}}'),
        ("yaml", "Client:\n  ALLOWED_origins: [https://app.test]\n"),
        ("toml", '[Client]\nALLOWED_origins = ["https://app.test"]\n'),
    ],
)
def test_keys_are_the_same_in_any_case(file_format: str, text: str) -> None:
    assert parse(text, file_format) == SAME


@pytest.mark.parametrize(
    ("file_format", "text", "place"),
    [
        ("json", '{\n  "client": {,}\n}', "line 2, column 14"),
        ("json", '{"client": {}', "line 1, column 14"),
        ("json", "[]", "line 1, column 1"),
        ("json", "[" * 100_000, "line 1, column 1"),
        ("yaml", "client:\n  proxy: {\n", "line 3, column 1"),
        ("yaml", "client:\n\tproxy: 1\n", "line 2, column 1"),
        ("yaml", "a: 1\nb: \x07\n", "line 2"),
        ("yaml", "at: 2026-99-99\n", "line 1, column 1"),
        ("yaml", "just a sentence", "line 1, column 1"),
        ("toml", "[client]\nproxy = \n", "line 2, column 9"),
        ("toml", "a = 1\na = [", "line 2"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(file_format: str, text: str, place: str) -> None:
    with pytest.raises(UnparsableError) as refused:
        parse(text, file_format)

    assert refused.value.place == place


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_an_empty_file_is_an_empty_configuration(text: str) -> None:
    assert parse(text, "yaml") == {}


@pytest.mark.parametrize(
    ("name", "text", "file_format"),
    [
        ("config.json", "", "json"),
        ("config.YML", "{}", "yaml"),
        ("config.toml", "{}", "toml"),
        ("stdin", '\n{"client": {}}', "json"),
        ("stdin", "client: {}", "yaml"),
    ],
)
def test_the_format_is_told_by_the_name_or_else_by_the_text(name: str, text: str, file_format: str) -> None:
    assert format_of(name, text) == file_format


@pytest.mark.parametrize(
    ("tree", "major"),
    [
        ({"client": {"proxy": {}}}, 6),
        ({"client": {}, "allowed_origins": []}, 6),
        ({"client.insecure": True, "allowed_origins": []}, 6),
        ({"proxy_connect_endpoint": ""}, 5),
        ({"granular_proxy_mode": True, "proxies": []}, 5),
        ({"engine": "redis", "token_hmac_secret_key": ""}, 5),
        ({}, 6),
    ],
)
def test_the_layout_is_told_by_the_keys(tree: dict[str, object], major: int) -> None:
    assert configuration_of(tree, "json").major == major


@pytest.mark.parametrize(
    ("tree", "whole"),
    [
        ({"a.b.c": 1}, {"a": {"b": {"c": 1}}}),
        ({"a": {"b.c": 1, "b": {"d": 2}}}, {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a.b": 1, "a": {"b": 2, "c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": {"b": 2}, "a.b": 1}, {"a": {"b": 1}}),
        ({"a.b": {"c": 1}, "a": {"b.c": 2}}, {"a": {"b": {"c": 1}}}),
        ({"a.b": {"c": 1}, "a": {"b": {"d": 2}}}, {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a.b": None, "a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": [{"b.c": 1}]}, {"a": [{"b.c": 1}]}),
    ],
)
def test_v6_takes_a_key_with_dots_for_the_tables_it_names(tree: dict[str, object], whole: dict[str, object]) -> None:
    assert unfolded(tree) == whole


@pytest.mark.parametrize("section", [None, [], 1, "text", {"proxy": 1}, {"proxy": []}])
def test_values_of_another_type_are_taken_for_absent(section: object) -> None:
    configuration = configuration_of({"client": section, "channel": section, "rpc": section}, "json")

    assert configuration.proxies == ()


@pytest.mark.parametrize("code", [3000, 3499, 4000, 4499])
def test_sdks_connect_again_after(code: int) -> None:
    assert reconnects(code)


@pytest.mark.parametrize("code", [3500, 3999, 4500, 4999])
def test_sdks_give_up_after(code: int) -> None:
    assert not reconnects(code)
