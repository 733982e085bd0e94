"""Which secrets can be sent in an HTTP header."""

import pytest

from common.header_values import why_not_sendable


@pytest.mark.parametrize("secret", [b"", b"s3cret", b"$x=/+~", bytes(range(0x21, 0x7F)), "clé".encode(), b"cl\xe9"])
def test_printable_latin_1_without_spaces_is_sendable(secret: bytes) -> None:
    assert why_not_sendable(secret) == ""


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (b" key", "white space"),
        (b"key ", "white space"),
        (b"two words", "white space"),
        (b"key\t", "white space"),
        ("a\u00a0b".encode(), "white space"),
        ("a\u2003b".encode(), "white space"),
        (b"key\n", "a line break"),
        (b"a\r\nb", "a line break"),
        (b"a\x00b", "a control character"),
        (b"a\x7fb", "a control character"),
        (b"a\x1bb", "a control character"),
        ("a\u0081b".encode(), "a control character"),
        (b"\xef\xbb\xbfkey", "a byte order mark"),
        ("key".encode("utf-16"), "a byte order mark"),
        ("ключ".encode(), "a character outside Latin-1"),
        ("key\u200b".encode(), "a character outside Latin-1"),
        ("😀".encode(), "a character outside Latin-1"),
    ],
)
def test_any_other_secret_is_refused_with_its_reason(secret: bytes, reason: str) -> None:
    assert why_not_sendable(secret) == reason
