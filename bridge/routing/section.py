"""Reads one table of the routes file, key by key. A bad value adds a fault, and reading continues.

A parser takes a value of the routes file. It raises NotAcceptedError if the value is bad.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from bridge.routing.faults import Fault, NotAcceptedError, display, listed
from bridge.routing.toml_lines import KeyLines, KeyPath
from common.printable import printable

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
MAX_TEXT_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Document:
    """The lines of a file's keys, and the faults found so far."""

    lines: KeyLines
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Section:
    """A table at `path`. List indexes count from 0 in `path`, and from 1 in messages."""

    document: Document
    path: KeyPath
    table: Mapping[str, Any]

    @property
    def line(self) -> int:
        """The line on which the table begins, from 1."""
        return self.document.lines.line(self.path)

    def __contains__(self, key: str) -> bool:
        return key in self.table

    def fault(self, key: str | KeyPath, saw: str, accepted: str) -> None:
        """Add a fault at a key of this table, or at a path that starts in it."""
        path = (*self.path, key) if isinstance(key, str) else (*self.path, *key)
        self.document.faults.append(Fault(self.document.lines.line(path), dotted(path), saw, accepted))

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Add a fault for each key that is not in `known`."""
        for key in self.table:
            if key not in known:
                self.fault(key, "an unknown key", listed(known))

    def get(self, key: str, parse: Callable[[Any], T], default: T) -> T:
        """The parsed value; `default` if the key is absent or its value is bad."""
        if key not in self.table:
            return default
        return self._parsed((key,), self.table[key], parse, default)

    def need(self, key: str, parse: Callable[[Any], T], example: str, instead: T) -> T:
        """The parsed value. If the key is missing, this adds a fault and returns `instead`."""
        if key in self.table:
            return self._parsed((key,), self.table[key], parse, instead)
        self.fault(key, "nothing", example)
        return instead

    def items(self, key: str, parse: Callable[[Any], T], accepted: str) -> tuple[T, ...]:
        """The parsed elements of a list that must not be empty. Each bad element adds a separate fault."""
        values = self.table.get(key)
        if not isinstance(values, list) or not values:
            self.fault(key, display(values), accepted)
            return ()
        parsed = (self._parsed((key, number), value, parse, None) for number, value in enumerate(values))
        return tuple(value for value in parsed if value is not None)

    def sections(self, key: str, limit: int) -> tuple["Section", ...]:
        """The tables in a list. Adds a fault if the list does not have 1 to `limit` tables."""
        name = dotted((*self.path, key), numbers=False)
        values = self.table.get(key)
        if not isinstance(values, list) or not values or not all(isinstance(value, dict) for value in values):
            self.fault(key, display(values), f"one table or more, each written as [[{name}]]")
            return ()
        if len(values) > limit:
            self.fault(key, f"{len(values)} tables", f"at most {limit}")
        return tuple(Section(self.document, (*self.path, key, number), value) for number, value in enumerate(values))

    def _parsed(self, key: KeyPath, value: Any, parse: Callable[[Any], T], instead: T) -> T:
        try:
            return parse(value)
        except NotAcceptedError as error:
            self.fault(key, error.saw, error.accepted)
            return instead


def dotted(path: KeyPath, *, numbers: bool = True) -> str:
    """The path as text, such as `routes[2].actions[1].channel`. List indexes count from 1."""
    text = ""
    for step in path:
        if isinstance(step, str):
            text += f".{printable(step)}" if text else printable(step)
        elif numbers:
            text += f"[{step + 1}]"
    return text


def one_of(words: Collection[str], note: str = "") -> Callable[[Any], str]:
    """A parser for one of these words. Its fault lists the words, followed by `note`."""

    def parse(value: Any) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise NotAcceptedError(display(value), listed(words) + note)

    return parse


def member(kind: type[E]) -> Callable[[Any], E]:
    """A parser for a value of this enumeration."""
    parse = one_of(tuple(kind))
    return lambda value: kind(parse(value))


def flag(value: Any) -> bool:
    """The parser for true and false. Raises NotAcceptedError."""
    if isinstance(value, bool):
        return value
    raise NotAcceptedError(display(value), "true or false")


def integer(least: int, most: int) -> Callable[[Any], int]:
    """A parser for an integer from `least` to `most`, both included."""

    def parse(value: Any) -> int:
        if type(value) is int and least <= value <= most:
            return value
        raise NotAcceptedError(display(value), f"an integer, {least}–{most}" if least < most else str(least))

    return parse


def text(example: str) -> Callable[[Any], str]:
    """A parser for a non-empty string of at most 4096 bytes."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise NotAcceptedError(display(value), f"a text such as {example}")
        if (size := len(value.encode())) > MAX_TEXT_BYTES:
            raise NotAcceptedError(f"a text of {size} bytes", f"at most {MAX_TEXT_BYTES} bytes")
        return value

    return parse
