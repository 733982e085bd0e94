"""Parses requests with httptools (llhttp), within limits.

httptools does not limit heads and trailers, passes trailers on as headers, and stops at an upgrade. This module limits
heads and trailers, drops trailers, and ignores upgrades.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote

import httptools

from realtime_site.serving.http_messages import error_response

HEAD_BYTES: Final = 32 * 1024
HEAD_FIELDS: Final = 128
VERSIONS: Final = ("1.1", "1.0")
# host [":" port]: https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2
HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Za-z:.%_~-]+\])(?::[0-9]*)?")
FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
SHORT_TARGET_BYTES: Final = 256  # targets up to this size are cached; escapes are decoded in paths up to this size

MALFORMED: Final = error_response(400, "malformed request")
BAD_HOST: Final = error_response(400, "malformed Host header")
ONE_HOST: Final = error_response(400, "a request needs exactly one Host header")
TOO_LARGE: Final = error_response(431, "request head too large")

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """The bytes are not an acceptable request. The argument is the response. After it, nothing more is read."""

    @property
    def response(self) -> bytes:
        """The whole response."""
        response: bytes = self.args[0]
        return response


class Request(NamedTuple):
    """The head of a request. For `path` see `Target`."""

    method: str
    raw_path: bytes
    path: str
    query: bytes
    headers: Headers
    version: str
    keep_alive: bool
    expects_continue: bool
    has_traceparent: bool = False


class Target(NamedTuple):
    """The target of a request line.

    `path` is `raw_path` with its escapes decoded. A path of more than SHORT_TARGET_BYTES keeps its escapes: no route is
    that long.
    """

    raw_path: bytes
    path: str
    query: bytes


class Sink(Protocol):
    """Receives the parts of requests from the parser."""

    def head_parsed(self, request: Request) -> None:
        """Called with each complete head."""

    def body_parsed(self, part: bytes) -> None:
        """Called with each part of the body, in order and without chunk framing."""

    def request_parsed(self) -> None:
        """Called when the request is complete, after its body and trailers."""


class RequestParser:
    """The parser of one connection. Feed it at most `room` bytes at a time, so that its limits are exact."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._method = self._target = b""
        self._version, self._keep_alive = "1.1", True
        self._headers: Headers = []
        self._trailers = 0
        self.in_head = False  # a head has begun and is not complete
        self._upgrading = self._replaying = False
        self._unproductive = 0  # bytes since the last complete head or part of a body

    @property
    def room(self) -> int:
        """The number of further bytes that a head, trailers or chunk extensions may have."""
        return HEAD_BYTES - self._unproductive

    def feed(self, piece: bytes) -> None:
        """Parse the piece. Raises Refused."""
        self._unproductive += len(piece)
        upgraded_at = self._feed(piece)
        if upgraded_at is not None:
            self._ignore_upgrade()
            self.feed(piece[upgraded_at:])
        elif self._unproductive >= HEAD_BYTES or len(self._headers) > HEAD_FIELDS:
            raise Refused(TOO_LARGE)

    def _feed(self, piece: bytes) -> int | None:
        """Parse the piece. Returns the position at which an upgrade stopped the parser; None without an upgrade."""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            offset: int = upgrade.args[0]
            return offset
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            raise Refused(MALFORMED) from None
        return None

    def _ignore_upgrade(self) -> None:
        """Continue with a new parser, which gets only the headers that define the length of the body."""
        framing = [b"%b: %b\r\n" % header for header in self._headers if header[0] in FRAMING]
        self._parser = httptools.HttpRequestParser(self)
        self._upgrading, self._replaying = False, True
        self._feed(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    def skip_known(self) -> None:
        """Record that a request with a known head was read without this parser."""
        self._unproductive = 0

    def close(self) -> None:
        """Break the reference cycles, so that the memory is freed without a garbage collection."""
        del self._parser, self._sink

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if not self._replaying:
            self.in_head = True
            self._target, self._headers, self._trailers = b"", [], 0

    def on_url(self, target: bytes) -> None:
        if not self._replaying:
            self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head and not self._replaying:
            self._headers.append((name.lower(), value.rstrip(b" \t")))  # llhttp strips only the beginning
        elif not self._replaying:  # a field after the head is a trailer, and is dropped
            self._trailers += 1
            if len(self._headers) + self._trailers > HEAD_FIELDS:
                raise Refused(TOO_LARGE)

    def on_headers_complete(self) -> None:
        parser = self._parser
        if not self._replaying:
            self._method, self._version = parser.get_method(), parser.get_http_version()
            self._keep_alive = parser.should_keep_alive()
            self._upgrading = parser.should_upgrade()
        if self._upgrading:
            return
        self.in_head = self._replaying = False
        self._unproductive = 0
        self._sink.head_parsed(self._request())

    def _request(self) -> Request:
        """The request with the complete head. Raises Refused."""
        headers, method = self._headers, self._method
        newest = self._version == "1.1"
        names = next(zip(*headers, strict=True), ())
        if len(headers) > HEAD_FIELDS:
            raise Refused(TOO_LARGE)
        hosts = names.count(b"host")
        if hosts and not _are_hosts(headers):
            raise Refused(BAD_HOST)
        if hosts > 1 or (hosts == 0 and newest):
            raise Refused(ONE_HOST)
        if not (newest or self._version in VERSIONS) or method == b"CONNECT":
            raise Refused(MALFORMED)
        target = (_short_target if len(self._target) <= SHORT_TARGET_BYTES else _parsed_target)(self._target)
        expects_continue = newest and b"expect" in names and _expects_continue(headers)
        return Request(
            method.decode("ascii"), *target, headers, self._version, self._keep_alive and newest, expects_continue,
            b"traceparent" in names,
        )  # fmt: skip

    def on_body(self, part: bytes) -> None:
        self._unproductive = 0
        self._sink.body_parsed(part)

    def on_message_complete(self) -> None:
        if not self._upgrading:
            self._unproductive = 0
            self._sink.request_parsed()


def _are_hosts(headers: Headers) -> bool:
    """True if every Host header is well-formed."""
    return all(HOST.fullmatch(value) for name, value in headers if name == b"host")


def _expects_continue(headers: Headers) -> bool:
    """True if the last Expect header is 100-continue; other expectations are ignored."""
    return [value for name, value in headers if name == b"expect"][-1].lower() == b"100-continue"


def _parsed_target(target: bytes) -> Target:
    """The parts of a target. Raises Refused."""
    # httptools would drop the fragment, but a proxy in front of the service compares the whole target.
    if b"#" in target:
        raise Refused(MALFORMED)
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise Refused(MALFORMED) from None
    raw_path = url.path or b"/"
    # The escapes of a long path would take milliseconds to decode, and no route has a long path.
    escaped = b"%" in raw_path and len(raw_path) <= SHORT_TARGET_BYTES
    path = unquote(raw_path) if escaped else raw_path.decode("latin-1")
    return Target(raw_path, path, url.query or b"")


_short_target = lru_cache(maxsize=64)(_parsed_target)
