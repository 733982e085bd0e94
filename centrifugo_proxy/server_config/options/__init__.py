"""The configuration options of Centrifugo v5 and v6, and which of them a file sets."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from centrifugo_proxy.server_config.options import v5, v6

OPTIONS: Final[Mapping[int, Mapping[str, str]]] = {5: v5.OPTIONS, 6: v6.OPTIONS}
# The lists of v6 whose entries have names.
NAMED_LISTS: Final = ("channel.namespaces", "rpc.namespaces", "proxies", "consumers")
INDEX: Final = re.compile(r"\[\d+\]")


def _tables_of(options: Mapping[str, str]) -> frozenset[str]:
    """Every path that has options below it, such as the path of a table or of a list."""
    parents = (path.rsplit(".", count)[0] for path in options for count in range(1, path.count(".") + 1))
    return frozenset(parents) | {path for path, kind in options.items() if kind == "table"}


TABLES: Final[Mapping[int, frozenset[str]]] = {major: _tables_of(options) for major, options in OPTIONS.items()}
TOP_LEVEL: Final[Mapping[int, frozenset[str]]] = {
    major: frozenset(re.split(r"[.\[]", path)[0] for path in options) for major, options in OPTIONS.items()
}


class Setting(NamedTuple):
    """One value of a file. `option` is `path` without indices. `kind` is None if this version has no such option."""

    path: str
    option: str
    kind: str | None
    value: Any


def settings_of(tree: Mapping[str, Any], major: int) -> Iterator[Setting]:
    """Every value that a file sets, including the values in tables. A table in a wrong place counts as a value."""
    yield from _walk("", tree, major)


def _walk(prefix: str, node: Mapping[str, Any], major: int) -> Iterator[Setting]:
    for key, value in node.items():
        path = f"{prefix}{key}"
        option = INDEX.sub("[]", path)
        kind = "table" if option in TABLES[major] else OPTIONS[major].get(option)
        if kind == "table" and isinstance(value, dict):
            yield from _walk(f"{path}.", value, major)
        elif kind == "tables" and isinstance(value, list):
            yield from _items(path, option, value, major)
        elif kind == "tables" and isinstance(value, dict) and major == 6:
            yield from _walk(f"{path}[0].", value, major)
        else:
            yield Setting(path, option, kind, value)


def _items(path: str, option: str, items: list[Any], major: int) -> Iterator[Setting]:
    for index, item in enumerate(items):
        if isinstance(item, dict):
            yield from _walk(f"{path}[{index}].", item, major)
        else:
            yield Setting(f"{path}[{index}]", f"{option}[]", "table", item)
