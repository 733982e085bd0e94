"""Builds the published data: the listed fields, a template, or the whole event."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, Final, TypeAlias

import orjson

from bridge.commands import Reason
from bridge.encoding import dumped
from bridge.event import ABSENT, NOTHING, Event, Unmappable
from bridge.routing.faults import NotAcceptedError, display
from bridge.routing.paths import Path, parse_path
from bridge.routing.templates import ANY_TEXT, Placeholder, Template, named, parse_template

# Builds a value from an event. The value ABSENT is left out of its table or list. Raises Unmappable.
Build: TypeAlias = Callable[[Event], Any]

WHOLE_EVENT: Final = "*"
MAX_LEVELS: Final = 100  # nested tables and lists in the file; orjson allows 254 levels, and Python far more


def encode(value: Any) -> bytes:
    """The value as JSON. Raises Unmappable if it is nested more deeply than orjson allows."""
    try:
        return dumped(value)
    except orjson.JSONEncodeError:
        raise Unmappable(Reason.TOO_LARGE, "data is nested deeper than 254 levels") from None


def whole_event(event: Event) -> Any:
    """The whole value at the route's root. Raises Unmappable."""
    if event.data is ABSENT or event.data is None:
        raise Unmappable(Reason.NO_SUCH_FIELD, "the object at root is absent or null")
    return event.data


def parse_fields(fields: list[Any]) -> Build:
    """The builder of data that has only these fields of the event. Raises NotAcceptedError."""
    paths: dict[tuple[str, ...], tuple[Path, bool]] = {}
    for text in fields:
        optional = isinstance(text, str) and text.endswith("?")
        path = parse_path(text.removesuffix("?") if optional else text)
        if not path.names:
            raise NotAcceptedError(display(text), "a path into the event's data; use the key `data` for other paths")
        paths[path.names] = (path, optional)
    if len(paths) != len(fields) or _overlapping(paths):
        raise NotAcceptedError(display(fields), "different paths, and no path inside another path")
    return _picker(tuple(paths.values()))


def paths_of_fields(fields: list[str]) -> Iterator[Path]:
    """The paths in fields that `parse_fields` has accepted."""
    return (parse_path(text.removesuffix("?")) for text in fields)


def paths_of_data(value: Any) -> Iterator[Path]:
    """The paths in a template that `parse_data` has accepted."""
    if isinstance(value, str):
        yield from (placeholder.path for placeholder in parse_template(value, ANY_TEXT, optional=True).placeholders)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from paths_of_data(item)


def _overlapping(paths: Iterable[tuple[str, ...]]) -> bool:
    known = set(paths)
    return any(names[:depth] in known for names in known for depth in range(1, len(names)))


def _picker(paths: tuple[tuple[Path, bool], ...]) -> Build:
    if all(len(path.names) == 1 for path, _ in paths):
        return _flat_picker(tuple((path.names[0], optional) for path, optional in paths))

    def build(event: Event) -> dict[str, Any]:
        picked: dict[str, Any] = {}
        for path, optional in paths:
            value = path.get(event)
            if value is not ABSENT:
                _put(picked, path.names, value)
            elif not optional:
                raise _absent(path.text)
        return picked

    return build


def _flat_picker(names: tuple[tuple[str, bool], ...]) -> Build:
    """A faster picker for the usual case, in which all fields are top-level."""

    def build(event: Event) -> dict[str, Any]:
        data = event.data if isinstance(event.data, dict) else NOTHING
        picked = {}
        for name, optional in names:
            if name in data:
                picked[name] = data[name]
            elif not optional:
                raise _absent(name)
        return picked

    return build


def _absent(name: str) -> Unmappable:
    return Unmappable(Reason.NO_SUCH_FIELD, f"{name} is absent")


def _put(tree: dict[str, Any], names: tuple[str, ...], value: Any) -> None:
    *parents, last = names
    for name in parents:
        tree = tree.setdefault(name, {})
    tree[last] = value


def parse_data(value: Any, levels: int = MAX_LEVELS) -> Build:
    """The builder for a value of the routes file, in which each text is a template. Raises NotAcceptedError.

    Tables and lists may be nested up to `levels` deep.
    """
    if isinstance(value, str):
        return _text(parse_template(value, ANY_TEXT, optional=True))
    if isinstance(value, dict | list) and not levels:
        raise NotAcceptedError("tables or lists nested too deeply", f"at most {MAX_LEVELS} levels")
    if isinstance(value, dict):
        return _table({key: parse_data(item, levels - 1) for key, item in value.items()})
    if isinstance(value, list):
        return _list([parse_data(item, levels - 1) for item in value])
    return _constant(value)


def _text(template: Template) -> Build:
    match template.parts:
        case ():
            return lambda event: ""
        case (str(text),):
            return lambda event: text
        case (Placeholder() as placeholder,):
            return _value_of(placeholder)
    return lambda event: ABSENT if (text := template.fill_if_there(event)) is None else text


def _value_of(placeholder: Placeholder) -> Build:
    """A builder that keeps the type of the value."""

    def build(event: Event) -> Any:
        value = placeholder.value(event)
        if isinstance(value, bytes):
            raise Unmappable(Reason.BAD_PLACEHOLDER, f"{placeholder.text} is {named(value)}; accepted: text in UTF-8")
        return value

    return build


def _table(items: Mapping[str, Build]) -> Build:
    pairs = tuple(items.items())
    return lambda event: {key: value for key, build in pairs if (value := build(event)) is not ABSENT}


def _list(items: list[Build]) -> Build:
    return lambda event: [value for build in items if (value := build(event)) is not ABSENT]


def _constant(value: Any) -> Build:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotAcceptedError(display(value), "a finite number")
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise NotAcceptedError(display(value), "an integer of 64 bits")
    if isinstance(value, datetime | date | time):
        value = value.isoformat()
    return lambda event: value
