"""Faults of a routes file, each with its line and key."""

import json
from collections.abc import Iterable
from datetime import date, time
from typing import Any, Final, NamedTuple

from common.printable import printable

SHOWN_CHARACTERS: Final = 80
SHOWN_DEPTH: Final = 4
DECIMAL_BITS: Final = 10_000  # Python refuses to write much longer integers in decimal


class Fault(NamedTuple):
    """One fault. `line` counts from 1.

    `key` is the dotted path of the key, with list indexes from 1; "file" for a fault of the file as a whole.
    """

    line: int
    key: str
    saw: str
    accepted: str

    def sentence(self, file: str) -> str:
        """The fault on one line."""
        return printable(f"{file}:{self.line}: {self.key}: saw {self.saw}; accepted: {self.accepted}")


class RoutesError(ValueError):
    """The file cannot be used. `faults` are sorted by line.

    `routes` has the name and the line of each route whose name could be read.
    """

    def __init__(self, file: str, faults: Iterable[Fault], routes: Iterable[tuple[str, int]] = ()) -> None:
        self.file = file
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        self.routes = tuple(routes)
        super().__init__("\n".join(fault.sentence(file) for fault in self.faults))


class NotAcceptedError(ValueError):
    """A value in the file is not accepted. `saw` and `accepted` are the last two fields of its Fault."""

    def __init__(self, saw: str, accepted: str) -> None:
        super().__init__(f"saw {saw}; accepted: {accepted}")
        self.saw = saw
        self.accepted = accepted


def display(value: Any) -> str:
    """A value of the routes file as text for a message: on one line, and shortened if it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | bool):
        text = json.dumps(_plain(value, SHOWN_DEPTH), ensure_ascii=False, separators=(",", ":"))
    else:
        text = f'"{value}"' if isinstance(value, str) else str(_plain(value, 0))
    text = printable(text)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _plain(value: Any, depth: int) -> Any:
    """The value for JSON. Lists and tables that are nested more than `depth` deep become "…"."""
    if isinstance(value, dict | list) and not depth:
        return "…"
    if isinstance(value, dict):
        return {key: _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, int):
        return value if value.bit_length() <= DECIMAL_BITS else hex(value)
    return str(value) if isinstance(value, date | time) else value


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)
