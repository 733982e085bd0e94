"""The rules for a segment of a channel's name."""

import pytest

from common.channel_names import is_plain_segment


@pytest.mark.parametrize("segment", ["a", "ünï", "🦊", "a-b_c", "-", "0", "%41", "a\\b", "'", '"', "\u0301"])
def test_a_segment_is_a_word(segment: str) -> None:
    assert is_plain_segment(segment)


@pytest.mark.parametrize(
    "segment",
    [
        "", " ", "a b", "\t", "\n", "\x00", "\x7f", "\u00a0", "\u200b", "\u2028", "\ufeff",
        "\ud800", "#", "a#b", "$a", "a&b", "*", "{a}", "a/b",
    ],
)  # fmt: skip
def test_a_segment_has_no_space_no_control_character_and_no_reserved_character(segment: str) -> None:
    assert not is_plain_segment(segment)
