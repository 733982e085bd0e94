"""The rules for a segment of a channel's name."""

import pytest

from common.channel_names import is_plain_segment


@pytest.mark.parametrize("segment", ["a", "ünï", "🦊", "a-b_c", "-", "0", "%41", "a\\b", "'", '"', "\u0301"])
def test_printable_text_without_spaces_and_reserved_characters_is_a_segment(segment: str) -> None:
    assert is_plain_segment(segment)


@pytest.mark.parametrize(
    "segment",
    [
        "", " ", "a b", "\t", "\n", "\x00", "\x7f", "\u00a0", "\u200b", "\u2028", "\ufeff",
        "\ud800", "#", "a#b", "$a", "a&b", "*", "{a", "a}", "a/b",
    ],
)  # fmt: skip
def test_any_other_text_is_not_a_segment(segment: str) -> None:
    assert not is_plain_segment(segment)
