"""Bytes of HTTP/1.1 responses."""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

import orjson

Headers = Iterable[tuple[bytes, bytes]]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
NO_BODY: Final = frozenset({204, 304})
MOST_HEADS: Final = 256


def status_line(status: int) -> bytes:
    """The first line of a response, without a phrase for a status that has none."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


class Fields(NamedTuple):
    """Headers of a response as they are sent, without `connection`.

    In the result of `Heads.of`, `lines` starts with the status line. `length` is the value of content-length. `closes`
    is true if a `connection` header contains `close`.
    """

    lines: bytes
    length: int | None
    closes: bool


@lru_cache(maxsize=256)
def fields(headers: tuple[tuple[bytes, bytes], ...]) -> Fields:
    """The fields of these headers, cached because few sets of headers occur. Raises RuntimeError for a line break."""
    lines, length, closes = [], None, False
    for name, value in headers:
        lower = name.lower()
        if lower == b"connection":
            closes = closes or b"close" in value.lower()
            continue
        if lower == b"content-length":
            length = int(value)
        lines.append(b"%b: %b\r\n" % (lower, value))
    joined = b"".join(lines)
    if joined.count(b"\n") != len(lines) or joined.count(b"\r") != len(lines):
        raise RuntimeError("a header of the response contains a line break")
    return Fields(joined, length, closes)


class Heads:
    """Remembers the beginnings of heads (status line and fields), because many responses have the same beginning.

    Every second, uvicorn replaces its list of common headers, which has the date. Then all heads are forgotten.
    """

    def __init__(self) -> None:
        self._heads: dict[tuple[int, tuple[tuple[bytes, bytes], ...]], Fields] = {}
        self._common: Headers | None = None

    def of(self, status: int, own: tuple[tuple[bytes, bytes], ...], common: Headers) -> Fields:
        """The beginning of a head with these headers. Raises RuntimeError if a header contains a line break."""
        if common is not self._common or len(self._heads) >= MOST_HEADS:
            self._heads, self._common = {}, common
        head = self._heads.get((status, own))
        if head is None:
            every, mine = fields(tuple(common)), fields(own)
            lines = status_line(status) + every.lines + mine.lines
            head = self._heads[status, own] = Fields(lines, mine.length, mine.closes or every.closes)
        return head


heads: Final = Heads()


def error_response(status: int, message: str) -> bytes:
    """A whole response in JSON, after which the connection is closed."""
    body = orjson.dumps({"error": {"code": status, "message": message}})
    head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return status_line(status) + head + body
