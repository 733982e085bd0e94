"""The order of dead letters, and which letters a time range leaves out."""

import pytest

from bridge.commands import Record
from bridge.dead_letters.selection import DeadLetter, dead_letter, newest_first

OURS = (("bridge.topic", b"diary"), ("bridge.partition", b"0"), ("bridge.offset", b"7"))


def letter(written_ms: int) -> DeadLetter:
    return dead_letter(Record("dead-letters", 0, 0, written_ms, None, b"{}", OURS))


def foreign(written_ms: int) -> DeadLetter:
    """A record that no bridge has written."""
    return dead_letter(Record("dead-letters", 0, 0, written_ms, None, b"{}"))


def times(*partitions: list[DeadLetter], since_ms: int = 0) -> list[int]:
    return [each.record.timestamp for each in newest_first([iter(letters) for letters in partitions], since_ms)]


def test_the_dead_letters_of_all_partitions_are_merged_newest_first() -> None:
    assert times([letter(9), letter(4)], [], [letter(8), letter(5), letter(1)]) == [9, 8, 5, 4, 1]


def test_dead_letters_older_than_the_time_range_are_left_out() -> None:
    assert times([letter(9), letter(4)], [letter(8), letter(5), letter(1)], since_ms=5) == [9, 8, 5]


@pytest.mark.parametrize(("since_ms", "expected"), [(0, [1, 9, 8, 7, 6]), (7, [9, 8, 7])])
def test_an_old_record_of_another_producer_does_not_end_the_search_for_dead_letters(
    since_ms: int, expected: list[int]
) -> None:
    assert times([foreign(1), letter(9), letter(7)], [letter(8), letter(6)], since_ms=since_ms) == expected


def test_a_record_without_a_timestamp_is_not_left_out() -> None:
    assert times([letter(-1), letter(9)], [foreign(-1), letter(3)], since_ms=5) == [-1, -1, 9]


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        (b"k", "é".encode(), {"key": "k", "value": "é"}),
        (None, None, {"key": None, "value": None}),
        (
            b"k\xff",
            b"\x00\xfe",
            {"key": "k\ufffd", "key_base64": "a/8=", "value": "\x00\ufffd", "value_base64": "AP4="},
        ),
    ],
)
def test_a_key_or_value_that_is_not_text_is_also_shown_in_base64(
    key: bytes | None, value: bytes | None, shown: dict[str, str | None]
) -> None:
    fields = dead_letter(Record("dead-letters", 0, 0, 1, key, value, OURS)).as_json(show_values=True)

    assert {name: fields[name] for name in fields if name.startswith(("key", "value"))} == shown
