"""Splits a JSON object into its members without reading their values, by the rules of Go's encoding/json.

Centrifugo forwards any client data that Go accepts. Our JSON parsers refuse some of it: half a surrogate pair, huge
numbers, deep nesting. A request must not fail because of data that the service does not use. So a body that these
parsers refuse is split here, and only the members that the service uses are parsed.
"""

import re
from contextlib import suppress
from typing import Final

import orjson

MAX_TOKENS: Final = 4096  # a scan of this many tokens blocks the event loop for a few milliseconds
STRING: Final = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
SCALAR: Final = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?[0-9]++)?+|true|false|null"
TOKEN: Final = re.compile(rb"[ \t\n\r]*+(?:([][{}:,])|(%b)|(?:%b))" % (STRING, SCALAR))
MARK, TEXT = 1, 2  # groups of TOKEN. A scalar matches without a group.
CLOSING: Final = {b"{": b"}", b"[": b"]"}


class NotAnObject(ValueError):
    """The text is not a single JSON object."""


class TooManyTokens(ValueError):
    """The text has more than MAX_TOKENS tokens, and would take too long to scan."""


def members(text: bytes) -> dict[str, bytes]:
    """The members of the JSON object in `text`, with the original text of each value.

    If a name is repeated, its last value counts. A name that is not Unicode text is left out. Raises NotAnObject or
    TooManyTokens.
    """
    scanner = _Scanner(text)
    found: dict[str, bytes] = {}
    scanner.read(b"{")
    if scanner.peek() != b"}":
        _read_member(scanner, found)
        while scanner.peek() == b",":
            scanner.read(b",")
            _read_member(scanner, found)
    scanner.read(b"}")
    scanner.read_end()
    return found


def _read_member(scanner: "_Scanner", found: dict[str, bytes]) -> None:
    written = scanner.read_text()
    scanner.read(b":")
    value = scanner.read_value()
    with suppress(orjson.JSONDecodeError):
        found[orjson.loads(written)] = value


class _Scanner:
    """Reads tokens in order. Reads values without recursion, so that any depth is accepted."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0
        self._tokens = 0
        self._ahead: re.Match[bytes] | None = None

    def _look(self) -> "re.Match[bytes]":
        if self._ahead is None:
            self._ahead = TOKEN.match(self._text, self._at)
            self._tokens += 1
        if self._ahead is None:
            raise NotAnObject
        if self._tokens > MAX_TOKENS:
            raise TooManyTokens
        return self._ahead

    def _next(self) -> "re.Match[bytes]":
        match, self._ahead = self._look(), None
        self._at = match.end()
        return match

    def peek(self) -> bytes | None:
        """The next token if it is a bracket, a brace, a colon or a comma, otherwise None. The token is not consumed."""
        mark: bytes | None = self._look()[MARK]
        return mark

    def read(self, mark: bytes) -> None:
        """Read this mark. Raises NotAnObject for another token."""
        if self._next()[MARK] != mark:
            raise NotAnObject

    def read_text(self) -> bytes:
        """Read a string, with its quotes."""
        text: bytes | None = self._next()[TEXT]
        if text is None:
            raise NotAnObject
        return text

    def read_end(self) -> None:
        """Check that only white space follows. Raises NotAnObject."""
        if self._text[self._at :].strip(b" \t\n\r"):
            raise NotAnObject

    def read_value(self) -> bytes:
        """Read a value. Returns its original text, including leading white space."""
        start = self._at
        opened: list[bytes] = []
        first = self._begin_value(opened)
        while opened:
            if self.peek() == CLOSING[opened[-1]]:
                self._next()
                opened.pop()
                first = False
                continue
            if not first:
                self.read(b",")
            if opened[-1] == b"{":
                self.read_text()
                self.read(b":")
            first = self._begin_value(opened)
        return self._text[start : self._at]

    def _begin_value(self, opened: list[bytes]) -> bool:
        """Read a scalar or the start of a container. True for a container."""
        mark = self._next()[MARK]
        if mark is None:
            return False
        if mark not in CLOSING:
            raise NotAnObject
        opened.append(mark)
        return True
