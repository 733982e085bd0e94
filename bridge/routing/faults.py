"""Faults of a routes file, with their place."""

from collections.abc import Iterable
from datetime import date, time
from typing import Any, Final, NamedTuple

import orjson

SHOWN_CHARACTERS: Final = 80


class Fault(NamedTuple):
    """One fault. `line` counts from 1. `key` is the dotted path of the key, with list indexes from 1."""

    line: int
    key: str
    saw: str
    accepted: str

    def sentence(self, file: str) -> str:
        return f"{file}:{self.line}: {self.key}: saw {self.saw}; accepted: {self.accepted}"


class RoutesError(ValueError):
    """The file cannot be used. `faults` are sorted by line, `routes` are the names and lines of the routes in it."""

    def __init__(self, file: str, faults: Iterable[Fault], routes: Iterable[tuple[str, int]] = ()) -> None:
        self.file = file
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        self.routes = tuple(routes)
        super().__init__("\n".join(fault.sentence(file) for fault in self.faults))


class NotAcceptedError(ValueError):
    """A value in the file is not accepted. `saw` and `accepted` are the two halves of its fault."""

    def __init__(self, saw: str, accepted: str) -> None:
        super().__init__(f"saw {saw}; accepted: {accepted}")
        self.saw = saw
        self.accepted = accepted


def display(value: Any) -> str:
    """A value of the file for a message: on one line, cut when it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        text = orjson.dumps(_plain(value)).decode()
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = f'"{one_line(value)}"' if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def one_line(text: str) -> str:
    """The text with unprintable characters escaped as in Python."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _plain(value: Any) -> Any:
    """The value with integers, dates and times as strings: orjson refuses integers above 64 bits.

    Inner lists and tables become strings too, to limit the depth.
    """
    if isinstance(value, dict):
        return {key: display(item) if isinstance(item, dict | list) else _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [display(item) if isinstance(item, dict | list) else _plain(item) for item in value]
    return str(value) if isinstance(value, int | date | time) and not isinstance(value, bool) else value


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)
