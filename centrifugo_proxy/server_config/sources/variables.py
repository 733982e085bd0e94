"""Applies environment variables and flags to a configuration, as Centrifugo does.

Variables override the file, and flags override variables: https://centrifugal.dev/docs/server/configuration
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FromSecret, find, tables
from centrifugo_proxy.server_config.options import NAMED_LISTS, OPTIONS, TABLES
from centrifugo_proxy.server_config.parsing import BYTE_ORDER_MARK, lowered

PREFIX: Final = "CENTRIFUGO_"
Tree = dict[str, Any]
LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def name_of(option: str) -> str:
    """The name of the environment variable that sets an option."""
    return PREFIX + re.sub(r"[.\-]", "_", option).upper()


NAMES: Final[Mapping[int, Mapping[str, str]]] = {
    major: {name_of(option): option for option in options if "[" not in option and option not in TABLES[major]}
    for major, options in OPTIONS.items()
}


def read_lines(text: str) -> dict[str, str] | None:
    """The variables in a file of NAME=value lines. None for any other file."""
    variables = {}
    for line in map(str.strip, text.removeprefix(BYTE_ORDER_MARK).splitlines()):  # as Docker reads the file
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if not found:
            return None
        variables[found[1]] = _unquoted(found[2].strip())
    return variables or None


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def votes_of(variables: Mapping[str, str], flags: Mapping[str, str]) -> dict[int, int]:
    """For each major version, the number of variables and flags that only this version knows."""
    known = {
        major: {name for name in variables if name in NAMES[major]} | {flag for flag in flags if flag in OPTIONS[major]}
        for major in (5, 6)
    }
    return {5: len(known[5] - known[6]), 6: len(known[6] - known[5])}


def left_over(variables: Mapping[str, str], major: int) -> tuple[str, ...]:
    """The variables that only the other major version knows. This version ignores them."""
    return tuple(name for name in variables if name in NAMES[11 - major] and name not in NAMES[major])


def applied(tree: Tree, variables: Mapping[str, str], flags: Mapping[str, str], major: int) -> Tree:
    """The tree with these variables and flags. Centrifugo ignores empty variables."""
    changed: Tree = json.loads(json.dumps(tree)) if _is_plain(tree) else dict(tree)
    variables = {name: value for name, value in variables.items() if value != ""}
    for name, value in variables.items():
        if option := NAMES[major].get(name):
            _put(changed, option, _converted(value, OPTIONS[major][option], major))
    if major == 6:
        for item, option, value in _of_named_lists(changed, variables):
            _put(item, option, value)
    for option, value in flags.items():
        if option in OPTIONS[major]:
            _put(changed, option, value)
    return changed


def _is_plain(tree: Tree) -> bool:
    try:
        json.dumps(tree)
    except (TypeError, ValueError):
        return False
    return True


def _converted(value: str, kind: str, major: int) -> Any:
    """The value for the tree. In v6 lists and maps are parsed, and other values stay text.

    In v5 every value stays text: layout_v5 converts it, as v5 itself does.
    """
    if major == 5 or isinstance(value, FromSecret):
        return value
    if kind == "words":
        return value.split(" ") if value.strip() else []
    if kind in ("map", "tables"):
        return _parsed(value, kind)
    return value


def _parsed(value: str, kind: str) -> Any:
    """The parsed JSON. A list of named tables may also be given as names, separated by spaces."""
    try:
        parsed = json.loads(value) if value.strip() else None
        return lowered(parsed) if kind == "tables" else parsed
    except (ValueError, RecursionError):
        return [{"name": name} for name in value.split()] if kind == "tables" else value


def _put(tree: Tree, option: str, value: Any) -> None:
    *parents, last = option.split(".")
    for parent in parents:
        inner = tree.get(parent)
        if not isinstance(inner, dict):
            inner = tree[parent] = {}
        tree = inner
    tree[last] = value


def _of_named_lists(tree: Tree, variables: Mapping[str, str]) -> Iterator[tuple[Tree, str, Any]]:
    """The entry, option and value for each variable that sets one option of a named entry.
    For example, CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_PRESENCE sets `presence` of the namespace `news`.
    """
    for path in NAMED_LISTS:
        inner = {
            key.removeprefix(f"{path}[]."): kind for key, kind in OPTIONS[6].items() if key.startswith(f"{path}[].")
        }
        for item in tables(find(tree, path)):
            prefix = f"{name_of(path)}_{re.sub(r'[.-]', '_', str(item.get('name') or '')).upper()}_"
            for option, kind in inner.items():
                value = variables.get(prefix + name_of(option).removeprefix(PREFIX))
                if value is not None:
                    yield item, option, _converted(value, kind, 6)
