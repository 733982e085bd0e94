"""Parses requests with httptools (llhttp), within bounds.

httptools does not limit heads and trailers, passes trailers on as headers, and stops at an upgrade. This module limits
them, drops trailers, and ignores upgrades.
"""

import re
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

MALFORMED: Final = error_response(400, "malformed request")
ONE_HOST: Final = error_response(400, "a request has one Host header")
BAD_HOST: Final = error_response(400, "malformed Host header")
TOO_LARGE: Final = error_response(431, "request head too large")

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """The bytes are not a request that can be answered. The argument is the response; nothing is read after it."""

    @property
    def response(self) -> bytes:
        """The whole response."""
        response: bytes = self.args[0]
        return response


class Request(NamedTuple):
    """The head of a request. `path` is `raw_path` with its escapes decoded."""

    method: str
    raw_path: bytes
    path: str
    query: bytes
    headers: Headers
    version: str
    keep_alive: bool
    expects_continue: bool


class Sink(Protocol):
    """Receives what the parser finds."""

    def request_begun(self) -> None: ...

    def head_parsed(self, request: Request) -> None: ...

    def body_parsed(self, part: bytes) -> None: ...

    def request_parsed(self) -> None: ...


class RequestParser:
    """The parser of one connection. Feed it at most `room` bytes at a time, so that its limits are exact."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._method = self._target = b""
        self._version, self._keep_alive = "1.1", True
        self._headers: Headers = []
        self._hosts, self._expects_continue = 0, False
        self._fields = 0  # header fields, those of the trailers included
        self._in_head = self._upgrading = self._replaying = False
        self._unproductive = 0  # bytes since the last complete head or part of a body

    @property
    def room(self) -> int:
        """How many more bytes a head, trailers or chunk extensions may have."""
        return HEAD_BYTES - self._unproductive

    def feed(self, piece: bytes) -> None:
        """Parse the piece. Raises Refused."""
        self._unproductive += len(piece)
        upgraded_at = self._feed(piece)
        if upgraded_at is not None:
            self._ignore_upgrade()
            self.feed(piece[upgraded_at:])  # counted twice, which makes the limit for such requests smaller
        elif self._unproductive >= HEAD_BYTES:
            raise Refused(TOO_LARGE)

    def _feed(self, piece: bytes) -> int | None:
        """Parse the piece. Returns where an upgrade stopped the parser, otherwise None."""
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
        """Continue with a new parser, which reads the body by the headers that define its length."""
        framing = [b"%b: %b\r\n" % header for header in self._headers if header[0] in FRAMING]
        self._parser = httptools.HttpRequestParser(self)
        self._upgrading, self._replaying = False, True
        self._feed(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    def close(self) -> None:
        """Break the circles of references, so that the memory is freed without a garbage collection."""
        del self._parser, self._sink

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._replaying:
            return
        self._in_head = True
        self._target, self._headers, self._fields = b"", [], 0
        self._hosts, self._expects_continue = 0, False
        self._sink.request_begun()

    def on_url(self, target: bytes) -> None:
        if not self._replaying:
            self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._replaying:
            return
        self._fields += 1
        if self._fields > HEAD_FIELDS:
            raise Refused(TOO_LARGE)
        if self._in_head:  # a field after the head is a trailer, and is dropped
            name = name.lower()
            self._headers.append((name, value))
            if name == b"host":
                self._hosts += 1
                if not HOST.fullmatch(value):
                    raise Refused(BAD_HOST)
            elif name == b"expect":
                self._expects_continue = value.lower() == b"100-continue"  # other expectations are ignored

    def on_headers_complete(self) -> None:
        if not self._replaying:
            self._method, self._version = self._parser.get_method(), self._parser.get_http_version()
            self._keep_alive = self._parser.should_keep_alive()
            self._upgrading = self._parser.should_upgrade()
        if self._upgrading:
            return
        self._in_head = self._replaying = False
        self._unproductive = 0
        if self._hosts > 1 or (self._hosts == 0 and self._version == "1.1"):
            raise Refused(ONE_HOST)
        if self._version not in VERSIONS or self._method == b"CONNECT":
            raise Refused(MALFORMED)
        self._sink.head_parsed(self._request())

    def _request(self) -> Request:
        if b"#" in self._target:  # httptools would cut it off, and a proxy in front compares the whole
            raise Refused(MALFORMED)
        try:
            url = httptools.parse_url(self._target)
        except httptools.HttpParserInvalidURLError:
            raise Refused(MALFORMED) from None
        raw_path = url.path or b"/"
        return Request(
            method=self._method.decode("ascii"),
            raw_path=raw_path,
            path=unquote(raw_path) if b"%" in raw_path else raw_path.decode("latin-1"),
            query=url.query or b"",
            headers=self._headers,
            version=self._version,
            keep_alive=self._keep_alive and self._version == "1.1",
            expects_continue=self._expects_continue and self._version == "1.1",
        )

    def on_body(self, part: bytes) -> None:
        self._unproductive = 0
        self._sink.body_parsed(part)

    def on_message_complete(self) -> None:
        if not self._upgrading:
            self._unproductive = 0
            self._sink.request_parsed()
