"""A configuration file as Centrifugo would read it: JSON, YAML or TOML by its name, keys in any case."""

import json
import re
import tomllib
from pathlib import PurePath
from typing import Any, Final

import yaml

FORMAT_OF_SUFFIX: Final = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}
TOML_PLACE: Final = re.compile(r" \(at (line \d+, column \d+|end of document)\)$")


class UnparsableError(ValueError):
    """The text is not what its format wants. `place` is where, such as "line 3, column 7"."""

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


def format_of(name: str, text: str) -> str:
    """By the suffix, as Centrifugo does; by the first character where there is no such suffix."""
    if known := FORMAT_OF_SUFFIX.get(PurePath(name).suffix.lower()):
        return known
    return "json" if text.lstrip().startswith("{") else "yaml"


def parse(text: str, file_format: str) -> dict[str, Any]:
    """The configuration, its keys in lower case. Raises UnparsableError."""
    parsers = {"json": _json, "yaml": _yaml, "toml": _toml}
    parsed = parsers[file_format](text)
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise UnparsableError("the file does not hold a table of options", "line 1, column 1")
    lower: dict[str, Any] = lowered(parsed)
    return lower


def lowered(node: Any) -> Any:
    """The node with every key in lower case, in which Centrifugo compares them."""
    if isinstance(node, dict):
        return {str(key).lower(): lowered(value) for key, value in node.items()}
    return [lowered(value) for value in node] if isinstance(node, list) else node


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnparsableError(error.msg, f"line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UnparsableError("nested too deeply", "line 1, column 1") from None


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1, column 1"
        raise UnparsableError(error.problem or "not YAML", place) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnparsableError(error.reason, f"line {line}") from None
    except (RecursionError, ValueError) as error:
        raise UnparsableError(str(error), "line 1, column 1") from None


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = TOML_PLACE.search(message)
        last_line = f"line {text.count(chr(10)) + 1}"
        where = place[1] if place and place[1].startswith("line") else last_line
        raise UnparsableError(TOML_PLACE.sub("", message), where) from None
    except RecursionError:
        raise UnparsableError("nested too deeply", "line 1, column 1") from None
