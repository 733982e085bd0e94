"""A known head gives the same request as the parser. All other requests are left to the parser."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_site.serving.http_parser import Refused, Request, RequestParser
from realtime_site.serving.known_heads import MOST_HEADS, KnownHeads
from tests.harness.examples import examples

HEAD = b"POST /centrifugo/connect HTTP/1.1\r\nHost: service\r\nContent-Length: 2"


class Found:
    """The result of parsing one read."""

    def __init__(self, read: bytes) -> None:
        self.requests: list[Request] = []
        self.body, self.whole, self.refused = b"", 0, False
        parser = RequestParser(self)
        try:
            parser.feed(read)
        except Refused:
            self.refused = True
        self.in_head = parser.in_head

    def head_parsed(self, request: Request) -> None:
        self.requests.append(request)

    def body_parsed(self, part: bytes) -> None:
        self.body += part

    def request_parsed(self) -> None:
        self.whole += 1

    @property
    def is_one_whole_request(self) -> bool:
        return len(self.requests) == self.whole == 1 and not (self.refused or self.in_head)


def heads_after(reads: Sequence[bytes]) -> KnownHeads:
    """The heads that the protocol class would remember after these reads."""
    heads = KnownHeads()
    for read in reads:
        found = Found(read)
        if found.is_one_whole_request:
            heads.remember(read, found.requests[0])
    return heads


parts = st.sampled_from([
    b"POST /centrifugo/connect HTTP/1.1", b"POST / HTTP/1.0", b"GET /a?b HTTP/1.1",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n", b"\n", b"\r\n\r\n", b"\n\n", b"Host: service",
    b"Content-Length: 2", b"Content-Length: 0", b"Content-Length: 44", b"content-length:2 ",
    b"Transfer-Encoding: chunked", b"Connection: close", b"Expect: 100-continue", b"Upgrade: h2c",
    b"{}", b"2\r\n{}", b"0", b" folded", b"X: \xff",
])  # fmt: skip
likely = st.tuples(
    st.sampled_from([b"", b"\r\n", b"\r\n\r\n"]),
    st.sampled_from([b"POST /centrifugo/connect HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n"]),
    st.lists(st.tuples(parts, st.sampled_from([b"\r\n", b"\n"])), max_size=4).map(
        lambda lines: b"".join(part + end for part, end in lines)
    ),
    st.sampled_from([b"Host: a\r\nContent-Length: 2\r\n\r\n", b"Host: a\r\n\r\n", b"Content-Length: 9\n\n"]),
    st.sampled_from([b"{}", b"", b"{}GET / HTTP/1.1", b"12345\r\n\r\n"]),
).map(b"".join)
reads = st.lists(st.one_of(likely, st.lists(parts, max_size=8).map(b"".join)), min_size=1, max_size=6)


@examples(400)
@given(reads, st.binary(min_size=2, max_size=2))
def test_a_known_head_gives_the_request_that_the_parser_finds(some: list[bytes], other_body: bytes) -> None:
    heads = heads_after(some)

    for read in (*some, *(read[:-2] + other_body for read in some)):
        known = heads.find(read)
        if known is not None:
            found = Found(read)
            assert found.is_one_whole_request
            assert (known[0].request, known[1]) == (found.requests[0], found.body)


def test_a_known_head_is_found_with_any_body_of_the_length_in_the_head() -> None:
    heads = heads_after([HEAD + b"\r\n\r\n{}"])

    known = heads.find(HEAD + b"\r\n\r\n[]")

    assert known is not None
    assert (known[0].request.path, known[1]) == ("/centrifugo/connect", b"[]")


@pytest.mark.parametrize("rest", [b"", b"\r\n\r\n", b"\r\n\r\n{", b"\r\n\r\n{} ", b"\r\nX: y\r\n\r\n{}"])
def test_a_read_that_is_not_exactly_a_known_head_and_its_body_is_left_to_the_parser(rest: bytes) -> None:
    assert heads_after([HEAD + b"\r\n\r\n{}"]).find(HEAD + rest) is None


@pytest.mark.parametrize(
    "field",
    [b"Transfer-Encoding: chunked", b"Upgrade: h2c", b"Expect: 100-continue", b"traceparent: 00", b"X: " + b"a" * 3000],
)
def test_heads_with_special_or_too_long_fields_are_never_remembered(field: bytes) -> None:
    read = HEAD + b"\r\n" + field + b"\r\n\r\n{}"

    assert heads_after([read]).find(read) is None


def test_only_a_limited_number_of_heads_is_remembered() -> None:
    reads = [HEAD + b"\r\nX-Request: %d\r\n\r\n{}" % number for number in range(MOST_HEADS + 10)]

    heads = heads_after(reads)

    assert heads.find(reads[0]) is None
    assert heads.find(reads[-1]) is not None
