"""Text of unknown origin cannot act on a terminal or a log."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.printable import ascii_json, printable, printable_json, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/run/secrets/token", "/run/secrets/token"),
        ("/ключ with a space", "/ключ with a space"),
        ("a\nERROR b", r"a\nERROR b"),
        ("\x1b[2J\x07\r\t", r"\x1b[2J\x07\r\t"),
        ("\x7f\x85\x9b31m", r"\x7f\x85\x9b31m"),
        ("\u202egnp.exe\u2028\ufeff", r"\u202egnp.exe\u2028\ufeff"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_unprintable_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_the_line_breaks_of_a_report_are_kept() -> None:
    assert printable_lines("one\x1b\n\ntwo\r\n") == "one\\x1b\n\ntwo\\r\n"


any_text = st.text(st.characters(codec=None))


@given(any_text)
def test_the_result_is_always_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert printable_lines(text).replace("\n", "").isprintable()


@given(st.recursive(any_text, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=5))
@pytest.mark.parametrize("indent", [None, 2])
def test_printable_json_has_the_same_value(indent: int | None, value: object) -> None:
    line = json.dumps(value, ensure_ascii=False, indent=indent)

    shown, in_ascii = printable_json(line), ascii_json(line)

    assert shown.replace("\n" if indent else "", "").isprintable()
    assert in_ascii.isascii()
    assert json.loads(shown) == json.loads(in_ascii) == json.loads(line)
