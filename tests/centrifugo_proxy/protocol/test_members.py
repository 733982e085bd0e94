"""Splitting an object by Go's rules, compared with Python's parser where both have the same rules."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from centrifugo_proxy.protocol.members import MAX_TOKENS, NotAnObject, TooManyTokens, members

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=12,
)
SIGNS = st.text('{}[]:,"\\ \n01-+.eEu2tfnalr', max_size=24).map(str.encode)


def refuse_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and infinities, which Go does not accept


def parsed(text: bytes) -> Any:
    return json.loads(text, parse_constant=refuse_constant)


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 1]), st.booleans())
def test_the_members_have_the_names_and_values_of_the_object(
    value: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert {name: json.loads(written) for name, written in members(text).items()} == value


@given(SIGNS | SIGNS.map(lambda inner: b'{"a":' + inner + b"}") | SIGNS.map(lambda inner: b'{"a":"' + inner + b'"}'))
@example(b'{"a":[1,]}')
@example(b'{"a":{"b":1,}}')
@example(b'{"a":[}]}')
@example(b'{"a":1}{')
@example(b'{"a":01}')
@example(b'{"a":"\\ud800"}')
def test_the_scanner_accepts_the_same_objects_as_pythons_parser(text: bytes) -> None:
    try:
        expected = parsed(text)
    except ValueError:
        expected = None

    try:
        found: Any = {name: parsed(written) for name, written in members(text).items()}
    except NotAnObject:
        found = None

    assert found == (expected if isinstance(expected, dict) else None)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b'"\\ud800"', "half a surrogate pair"),
        (b'"\xff\xfe"', "no UTF-8"),
        (b"1e999", "a number too large for a float"),
        (b"9" * 5000, "a number of many digits"),
        (b"[" * 1500 + b"]" * 1500, "deep"),
        (b'{"a":' * 700 + b"1" + b"}" * 700, "deep objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_a_parser_may_refuse_does_not_hide_other_members(written: bytes, why: str) -> None:
    text = b'{"first":1, "odd":' + written + b', "last":"x"}'

    assert members(text) == {"first": b"1", "odd": written, "last": b'"x"'}


def test_a_name_that_is_not_unicode_text_is_left_out() -> None:
    assert members(b'{"\\ud800":1,"a":2}') == {"a": b"2"}


@pytest.mark.parametrize("text", [b'{"a":' + b"[" * 60_000, b'{"a":[' + b"0," * 30_000 + b"0]}"])
def test_a_body_with_too_many_tokens_is_refused(text: bytes) -> None:
    with pytest.raises(TooManyTokens):
        members(text)


def test_a_body_with_the_maximum_number_of_tokens_is_accepted_and_one_more_is_refused() -> None:
    fixed = 8  # {, "a", :, [, [, ], ], }
    numbers = (MAX_TOKENS - fixed) // 2

    assert list(members(b'{"a":[[]' + b",1" * numbers + b"]}")) == ["a"]
    with pytest.raises(TooManyTokens):
        members(b'{"a":[1' + b",1" * (numbers + 1) + b"]}")
