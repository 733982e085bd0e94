"""Reading configuration files as Centrifugo reads them, and naming the place of an error.

Also: the disconnect codes after which SDKs reconnect.
"""

import pytest

from centrifugo_proxy.server_config.layout_v6 import unfolded
from centrifugo_proxy.server_config.parsing import UnparsableError, format_of, parse
from centrifugo_proxy.server_config.reader import configuration_of
from centrifugo_proxy.server_config.service_facts import reconnects

SAME = {"client": {"allowed_origins": ["https://app.test"]}}


@pytest.mark.parametrize(
    ("file_format", "text"),
    [
        ("json", '{"Client": {"ALLOWED_origins": ["https://app.test"]}}'),
        ("yaml", "Client:\n  ALLOWED_origins: [https://app.test]\n"),
        ("toml", '[Client]\nALLOWED_origins = ["https://app.test"]\n'),
    ],
)
def test_keys_in_upper_and_lower_case_are_the_same(file_format: str, text: str) -> None:
    assert parse(text, file_format) == SAME


@pytest.mark.parametrize(
    ("file_format", "text", "place"),
    [
        ("json", '{\n  "client": {,}\n}', "line 2, column 14"),
        ("json", '{"client": {}', "line 1, column 14"),
        ("json", "[]", "line 1, column 1"),
        ("json", '\ufeff{"client": {}}', "line 1, column 1"),
        ("json", '{"NaN": "NaN",\n "a": NaN}', "line 2, column 7"),
        ("json", '{"a": "\\"1e999",\n"b": [1, 1e999]}', "line 2, column 10"),
        ("json", '{"a": 1,\n"b": ' + "9" * 5000 + "}", "line 2, column 6"),
        ("yaml", "client:\n  proxy: {\n", "line 3, column 1"),
        ("yaml", "client:\n\tproxy: 1\n", "line 2, column 1"),
        ("yaml", "a: 1\nb: \x07\n", "line 2, column 4"),
        ("yaml", "a: 1\nb: 2\na: 3\n", "line 3, column 1"),
        ("yaml", "list:\n- a: 1\n  'a': 3\n", "line 3, column 3"),
        ("yaml", "a: 1\nb: &b {c: [*b]}\n", "line 2, column 4"),
        ("yaml", "a: 1\n<<: 2\n", "line 2, column 5"),
        ("yaml", "? [a]\n: 1\n", "line 1, column 3"),
        ("yaml", "just a sentence", "line 1, column 1"),
        ("toml", "[client]\nproxy = \n", "line 2, column 9"),
        ("toml", "a = 1\na = [", "line 2"),
        ("toml", "\ufeffa = 1", "line 1, column 1"),
        ("toml", "a = 1\nb = [99_999_999_999_999_999_999]\nc = 2", "line 2"),
        ("toml", "a = 1\nb = " + "9" * 5000, "line 2"),
    ],
)
def test_a_broken_file_is_refused_with_the_place_of_the_error(file_format: str, text: str, place: str) -> None:
    with pytest.raises(UnparsableError) as refused:
        parse(text, file_format)

    assert refused.value.place == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: !!int s3cr3t\n", "line 2, column 4"),
        ("a: !!float s3cr3t\n", "line 1, column 4"),
        ("a: !!bool 's3cr3t'\n", "line 1, column 4"),
        ("a: !!null s3cr3t\n", "line 1, column 4"),
        ("a: *s3cr3t\n", "line 1, column 4"),
        ("a: !s3cr3t!s3cr3t\n", "line 1, column 4"),
        ("s3cr3t: 1\ns3cr3t: 2\n", "line 2, column 1"),
        ("%TAG !s3cr3t! a\n%TAG !s3cr3t! b\n---\na: 1\n", "line 2, column 1"),
    ],
)
def test_the_refusal_of_a_yaml_file_names_the_place_and_quotes_nothing(text: str, place: str) -> None:
    with pytest.raises(UnparsableError) as refused:
        parse(text, "yaml")

    assert (refused.value.place, "s3cr3t" in str(refused.value)) == (place, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-13-45", "2020-13-45"),
        ("2020-01-02", "2020-01-02"),
        ("!own text", "text"),
        ("!own [1]", [1]),
        ("!own {b: 1}", {"b": 1}),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("True", True),
        ("yes", "yes"),
        ("off", "off"),
        ("'true'", "true"),
        ("", None),
        ("~", None),
        ("1_000", 1000),
        ("017", 15),
        ("0o17", 15),
        ("-0x1F", -31),
        ("0b11", 3),
        ("089", 89.0),
        ("1e3", 1000.0),
        ("+.5", 0.5),
        ("1:30", "1:30"),
        ("1e999", "1e999"),
        ("9" * 25, 1e25),
        ("9" * 5000, "9" * 5000),
        ("=", "="),
        ("{<<: {b: 1, c: 2}, b: 3}", {"b": 3, "c": 2}),
        ("[&x 1, &x 2, *x]", [1, 2, 2]),
    ],
)
def test_a_yaml_value_has_the_same_type_as_in_the_language_go(text: str, value: object) -> None:
    assert parse(f"a: {text}\n", "yaml") == {"a": value}


def test_only_the_first_of_several_yaml_documents_is_read() -> None:
    assert parse("a: 1\n---\nb: {\n", "yaml") == {"a": 1}
    assert parse("---\n---\nb: 1\n", "yaml") == {}


@pytest.mark.parametrize(
    ("file_format", "text"),
    [("yaml", "\ufeffclient_insecure: true"), ("toml", "\ufeffclient_insecure = true")],
)
def test_v5_accepts_a_byte_order_mark_in_the_formats_whose_parsers_accept_it(file_format: str, text: str) -> None:
    assert parse(text, file_format, 5) == {"client_insecure": True}


def test_v5_accepts_duplicate_keys_and_the_words_on_and_no_as_booleans() -> None:
    assert parse("a: on\nb: 1\nb: No\n", "yaml", 5) == {"a": True, "b": False}


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_an_empty_yaml_file_is_an_empty_configuration(text: str) -> None:
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
def test_the_format_follows_from_the_file_name_or_else_from_the_text(name: str, text: str, file_format: str) -> None:
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
def test_the_layout_is_recognized_by_the_keys(tree: dict[str, object], major: int) -> None:
    assert configuration_of(tree, "json").major == major


@pytest.mark.parametrize(
    ("tree", "nested"),
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
def test_v6_reads_a_dotted_key_as_nested_tables(tree: dict[str, object], nested: dict[str, object]) -> None:
    assert unfolded(tree) == nested


@pytest.mark.parametrize("section", [None, [], 1, "text", {"proxy": 1}, {"proxy": []}])
def test_sections_of_a_wrong_type_have_no_proxies(section: object) -> None:
    configuration = configuration_of({"client": section, "channel": section, "rpc": section}, "json")

    assert configuration.proxies == ()


@pytest.mark.parametrize("code", [3000, 3499, 4000, 4499])
def test_sdks_reconnect_after_these_codes(code: int) -> None:
    assert reconnects(code)


@pytest.mark.parametrize("code", [3500, 3999, 4500, 4999])
def test_sdks_do_not_reconnect_after_these_codes(code: int) -> None:
    assert not reconnects(code)
