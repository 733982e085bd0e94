"""Bytes of HTTP/1.1 responses."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import orjson

Headers = Iterable[tuple[bytes, bytes]]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
NO_BODY: Final = frozenset({204, 304})


def status_line(status: int) -> bytes:
    """The first line of a response, without a phrase for a status that has none."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def error_response(status: int, message: str) -> bytes:
    """A whole response in JSON, after which the connection is closed."""
    body = orjson.dumps({"error": {"code": status, "message": message}})
    head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return status_line(status) + head + body
