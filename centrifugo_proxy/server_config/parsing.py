"""Parses a configuration file as Centrifugo does: JSON, YAML or TOML by its suffix. The case of keys is ignored."""

import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final, NoReturn

from centrifugo_proxy.server_config import go_yaml

FORMAT_OF_SUFFIX: Final = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}
BYTE_ORDER_MARK: Final = "\ufeff"
MARKED: Final = {("yaml", 6), ("yaml", 5), ("toml", 5)}  # formats that may begin with a byte order mark
START: Final = "line 1, column 1"
NEWLINE: Final = "\n"
DIGITS: Final = re.compile(r"[0-9_]+|0[xob]\w+")
TOML_PLACE: Final = re.compile(r" \(at (line \d+, column \d+|end of document)\)$")


class UnparsableError(ValueError):
    """The text is not valid in its format. `place` is the location of the error, such as "line 3, column 7"."""

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


def format_of(name: str, text: str) -> str:
    """The format of a file: from its suffix in upper or lower case or, if it is unknown, from the first character.

    Centrifugo itself accepts only the known suffixes, and only in lower case.
    """
    if known := FORMAT_OF_SUFFIX.get(PurePath(name).suffix.lower()):
        return known
    return "json" if text.removeprefix(BYTE_ORDER_MARK).lstrip().startswith("{") else "yaml"


def parse(text: str, file_format: str, major: int = 6) -> dict[str, Any]:
    """The configuration as this major version reads it, with its keys in lower case.

    Raises UnparsableError. Raises RecursionError if tables are nested hundreds of levels deep.
    """
    if text.startswith(BYTE_ORDER_MARK):
        if (file_format, major) not in MARKED:
            raise UnparsableError("it begins with a byte order mark", START)
        text = text.removeprefix(BYTE_ORDER_MARK)
    parsed = _yaml(text, major) if file_format == "yaml" else {"json": _json, "toml": _toml}[file_format](text)
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise UnparsableError("the file does not contain a table of options", START)
    lower: dict[str, Any] = lowered(parsed)
    return lower


def lowered(node: Any) -> Any:
    """The node with all keys in lower case: Centrifugo ignores their case."""
    if isinstance(node, dict):
        return {str(key).lower(): lowered(value) for key, value in node.items()}
    return [lowered(value) for value in node] if isinstance(node, list) else node


def _json(text: str) -> Any:
    def finite(literal: str) -> float:
        if math.isinf(number := float(literal)):
            raise UnparsableError("a number is too large", _place(text, literal))
        return number

    def whole(literal: str) -> int:
        finite(literal)
        return int(literal)

    def no_number(literal: str) -> NoReturn:
        raise UnparsableError(f"{literal} is not valid JSON", _place(text, literal))

    try:
        return json.loads(text, parse_float=finite, parse_int=whole, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise UnparsableError(error.msg, f"line {error.lineno}, column {error.colno}") from None


def _place(text: str, literal: str) -> str:
    """The place where the literal first occurs outside a string."""
    found = re.finditer(rf'"(?:[^"\\]|\\.)*"|({re.escape(literal)})', text)
    before = next(text[: match.start()] for match in found if match[1])
    return f"line {before.count(NEWLINE) + 1}, column {len(before) - before.rfind(NEWLINE)}"


def _yaml(text: str, major: int) -> Any:
    try:
        return go_yaml.read(text, major=major)
    except go_yaml.RefusedError as error:
        raise UnparsableError(str(error), f"line {error.line}, column {error.column}") from None


def _toml(text: str) -> Any:
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = TOML_PLACE.search(message)
        last_line = f"line {text.count(NEWLINE) + 1}"
        where = place[1] if place and place[1].startswith("line") else last_line
        raise UnparsableError(TOML_PLACE.sub("", message), where) from None
    except ValueError:  # Python limits the number of digits of an integer
        raise _too_large(text) from None
    if not all(-(2**63) <= number < 2**63 for number in _integers(parsed)):
        raise _too_large(text)
    return parsed


def _integers(node: Any) -> Iterator[int]:
    if isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _integers(inner)
    elif isinstance(node, int):
        yield node


def _too_large(text: str) -> UnparsableError:
    """The error for an integer. The parser does not report its line, so the line of the longest number is given."""
    lines = [max(map(len, DIGITS.findall(line)), default=0) for line in text.split(NEWLINE)]
    return UnparsableError("an integer has more than 64 bits", f"line {lines.index(max(lines)) + 1}")
