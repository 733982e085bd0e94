"""The cache of response heads."""

import pytest

from realtime_site.serving.http_messages import MOST_HEADS, Heads

FIRST = [(b"date", b"Sat, 28 Nov 2026 01:00:00 GMT")]
LATER = [(b"date", b"Sat, 28 Nov 2026 01:00:01 GMT")]


def test_a_head_has_the_status_the_default_headers_and_the_headers_of_the_response() -> None:
    heads = Heads()

    made = [heads.of(200, ((b"Content-Length", b"2"),), FIRST) for _ in range(2)]

    lines = b"HTTP/1.1 200 OK\r\ndate: Sat, 28 Nov 2026 01:00:00 GMT\r\ncontent-length: 2\r\n"
    assert made == [(lines, 2, False)] * 2


def test_a_new_date_is_in_the_next_head() -> None:
    heads = Heads()
    heads.of(200, (), FIRST)

    later = heads.of(200, (), LATER)

    assert later.lines == b"HTTP/1.1 200 OK\r\ndate: Sat, 28 Nov 2026 01:00:01 GMT\r\n"


@pytest.mark.parametrize(("own", "common"), [("close", "keep-alive"), ("keep-alive", "close")])
def test_a_head_closes_the_connection_if_any_of_its_headers_says_so(own: str, common: str) -> None:
    heads = Heads()

    head = heads.of(200, ((b"Connection", own.encode()),), [(b"connection", common.encode())])

    assert head.closes


def test_each_head_is_correct_even_if_the_cache_cannot_hold_all_heads() -> None:
    heads = Heads()

    lengths = [heads.of(200, ((b"content-length", b"%d" % number),), FIRST).length for number in range(2 * MOST_HEADS)]

    assert lengths == list(range(2 * MOST_HEADS))


@pytest.mark.parametrize("line_break", [b"\r\n", b"\n", b"\r"])
def test_a_line_break_in_a_header_is_refused(line_break: bytes) -> None:
    with pytest.raises(RuntimeError, match="line break"):
        Heads().of(200, ((b"x", b"a" + line_break + b"b: c"),), FIRST)
