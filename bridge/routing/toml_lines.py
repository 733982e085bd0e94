"""Finds the line of each key in a TOML document, because tomllib does not keep line numbers.

tomllib has already accepted the text. So this module only distinguishes keys and headers from the contents of values.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

# Key names, and the indexes (from 0) of elements of lists and of `[[tables]]`.
KeyPath: TypeAlias = tuple[str | int, ...]

_QUOTED: Final = r'"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'"
_KEY: Final = rf"(?:{_QUOTED}|[A-Za-z0-9_-]+)"
_KEYS: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER: Final = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEYS})[ \t]*\]")
_ASSIGNMENT: Final = re.compile(rf"[ \t]*({_KEYS})[ \t]*=")
# A piece of a value: a string (skipped as a whole); a bracket, comma or line end; blanks and comments; other text.
_PIECE: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    + r"|'''.*?'{3,5}"
    + rf"|{_QUOTED}|[\[\]{{}},\n]|(?P<blank>[ \t\r]+|#[^\n]*)|[^\"'\[\]{{}},\s#]+",
    re.DOTALL,
)


class KeyLines:
    """The lines of one document's keys."""

    def __init__(self, text: str) -> None:
        self._lines: Mapping[KeyPath, int] = dict(_scan(text.replace("\r\n", "\n")))

    def line(self, path: KeyPath) -> int:
        """The line of the key, of its first element, or of the nearest key or header around it."""
        while path:
            for place in (path, (*path, 0)):
                if place in self._lines:
                    return self._lines[place]
            path = path[:-1]
        return 1


def _scan(text: str) -> Iterator[tuple[KeyPath, int]]:
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    position = 0
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        if header := _HEADER.match(text, position):
            table = _resolved(_names(header[2]), counts, appends=header[1] == "[[")
            yield table, line
            position = _end_of_line(text, header.end())
        elif assignment := _ASSIGNMENT.match(text, position):
            key = table + _names(assignment[1])
            yield key, line
            position, elements = _value(text, assignment.end(), line)
            yield from (((*key, number), line) for number, line in elements.items())
        else:
            position = _end_of_line(text, position)


def _names(keys: str) -> tuple[str, ...]:
    """The names in a dotted key, without quotes and escapes."""
    tree: Any = tomllib.loads(f"{keys} = 0")
    names = []
    while isinstance(tree, dict):
        [(name, tree)] = tree.items()
        names.append(name)
    return tuple(names)


def _resolved(names: tuple[str, ...], counts: dict[KeyPath, int], *, appends: bool) -> KeyPath:
    """The header's path, with the indexes of the enclosing list elements. With `appends`, a new element begins."""
    path: KeyPath = ()
    for name in names[:-1]:
        path = _last_element((*path, name), counts)
    path = (*path, names[-1])
    if not appends:
        return _last_element(path, counts)
    counts[path] = counts.get(path, 0) + 1
    return _last_element(path, counts)


def _last_element(path: KeyPath, counts: Mapping[KeyPath, int]) -> KeyPath:
    return (*path, counts[path] - 1) if path in counts else path


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _value(text: str, position: int, line: int) -> tuple[int, dict[int, int]]:
    """The start of the line after the value, and the lines of its elements if it is a list."""
    depth, number = 0, 0
    elements: dict[int, int] = {}
    while piece := _PIECE.match(text, position):
        position = piece.end()
        match piece[0]:
            case "\n" if depth == 0:
                break
            case "]" | "}":
                depth -= 1
            case "," if depth == 1:
                number += 1
            case other if depth == 1 and other != "\n" and piece["blank"] is None:
                elements.setdefault(number, line)
        depth += piece[0] in ("[", "{")
        line += piece[0].count("\n")
    return position, elements
