"""The parser of requests."""

from dataclasses import dataclass, field

import pytest

from realtime_site.serving.http_parser import SHORT_TARGET_BYTES, Request, RequestParser


@dataclass
class Heads:
    """Records the heads of the parsed requests."""

    requests: list[Request] = field(default_factory=list)

    def head_parsed(self, request: Request) -> None:
        self.requests.append(request)

    def body_parsed(self, part: bytes) -> None: ...

    def request_parsed(self) -> None: ...


LONG = b"/" + b"%41" * (SHORT_TARGET_BYTES // 3 + 1)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/health", "/health"),
        (b"/he%61lth", "/health"),
        (b"/%C3%BC", "/ü"),
        (b"/%ff", "/\ufffd"),
        (b"/%41" * 64, "/A" * 64),
        (LONG, LONG.decode()),  # decoding 32 KiB of escapes would block the event loop for milliseconds
        (b"/health?" + b"%41" * 1000, "/health"),
        (b"/he%61lth?" + b"%41" * 1000, "/health"),
    ],
)
def test_the_escapes_of_a_short_path_are_decoded_and_those_of_a_long_path_are_not(target: bytes, path: str) -> None:
    heads = Heads()

    RequestParser(heads).feed(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)

    assert [request.path for request in heads.requests] == [path]


def test_white_space_around_the_value_of_a_header_is_not_part_of_it() -> None:
    heads = Heads()

    RequestParser(heads).feed(b"GET / HTTP/1.1\r\nHost: \t a \t \r\nX-Padded:b \r\nX-Inner: c d\r\nX-Empty:  \r\n\r\n")

    expected = [(b"host", b"a"), (b"x-padded", b"b"), (b"x-inner", b"c d"), (b"x-empty", b"")]
    assert [request.headers for request in heads.requests] == [expected]
