"""Paths of a routes file: `author.id` in the event's data; `@header.NAME` and similar for the rest of the record."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bridge.event import ABSENT, Event, header
from bridge.routing.faults import NotAcceptedError, display

Lookup: TypeAlias = Callable[[Event], Any]

ACCEPTED: Final = (
    "a path such as family_id, author.id, recipient_ids[], @key, @topic, @timestamp, @header.NAME or @ce.type"
)
_NAME: Final = re.compile(r"[^\s.{}\[\]?@][^\s.{}\[\]?]*")
_EACH: Final = "[]"
_HEADER: Final = "@header."
_ATTRIBUTE: Final = re.compile(r"@ce\.([a-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path.

    `get` returns the value, or ABSENT. For a path with `[]`, `get` returns the value before `[]`, and `each` has the
    names after `[]`, which are looked up in every element. `names` is empty for paths that start with `@`.
    """

    text: str
    get: Lookup
    names: tuple[str, ...] = ()
    each: tuple[str, ...] | None = None

    @property
    def from_data(self) -> bool:
        """True if looking this path up needs the record's parsed value."""
        return bool(self.names) or self.text.startswith("@ce.")


def parse_path(text: Any, *, lists: bool = False) -> Path:
    """The path in `text`. `lists` allows `[]`. Raises NotAcceptedError."""
    if not isinstance(text, str):
        raise NotAcceptedError(display(text), ACCEPTED)
    if text.startswith("@"):
        return Path(text, _around(text))
    before, each, after = text.partition(_EACH)
    names = _names(before, text)
    if not each:
        return Path(text, _in_data(names), names)
    if not lists or _EACH in after:
        raise NotAcceptedError(display(text), "[] only once in a path" if lists else "a path without []")
    behind = _names(after[1:], text) if after.startswith(".") else ()
    if after and not behind:
        raise NotAcceptedError(display(text), ACCEPTED)
    return Path(text, _in_data(names), names, behind)


def _names(dotted: str, text: str) -> tuple[str, ...]:
    names = tuple(dotted.split("."))
    if not all(_NAME.fullmatch(name) for name in names):
        raise NotAcceptedError(display(text), ACCEPTED)
    return names


def find(data: Any, names: tuple[str, ...]) -> Any:
    """The value under these names; ABSENT if one of the names is absent."""
    for name in names:
        if not isinstance(data, dict):
            return ABSENT
        data = data.get(name, ABSENT)
    return data


def _in_data(names: tuple[str, ...]) -> Lookup:
    if len(names) > 1:
        return lambda event: find(event.data, names)
    [name] = names
    return lambda event: event.data.get(name, ABSENT) if isinstance(event.data, dict) else ABSENT


def _around(text: str) -> Lookup:
    if text == "@key":
        return lambda event: _text(event.record.key)
    if text == "@topic":
        return lambda event: event.record.topic
    if text == "@timestamp":
        return lambda event: event.record.timestamp if event.record.timestamp >= 0 else ABSENT
    if text.startswith(_HEADER) and (name := text.removeprefix(_HEADER)):
        return lambda event: _text(header(event.record, name))
    if attribute := _ATTRIBUTE.fullmatch(text):
        own = attribute[1]
        return lambda event: event.attributes.get(own, ABSENT)
    raise NotAcceptedError(display(text), ACCEPTED)


def _text(value: Any) -> Any:
    """Bytes as text. Bytes that are not UTF-8 stay bytes: placeholders refuse bytes, and bytes never equal a text."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
