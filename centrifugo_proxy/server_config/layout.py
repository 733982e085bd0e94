"""Decides whether a configuration has the layout of Centrifugo v5 or v6."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import table, tables
from centrifugo_proxy.server_config.options import OPTIONS, TABLES, TOP_LEVEL

PROXIES: Final = "proxies"  # a list that v5 and v6 both have
# The options of the entries of this list, by major version.
PROXY_OPTIONS: Final[Mapping[int, frozenset[str]]] = {
    major: frozenset(found[1] for path in options if (found := re.match(rf"{PROXIES}\[\]\.(\w+)", path)))
    for major, options in OPTIONS.items()
}


def major_of(tree: Mapping[str, Any]) -> int:
    """The major version to which most of the options belong. 6 if both versions have the same number of them."""
    votes = {5: 0, 6: 0}
    for key, value in tree.items():
        if major := layout_of(key, value):
            votes[major] += max(1, _leaves(value)) if major == 6 else 1
    return 5 if votes[5] > votes[6] else 6


def left_over(tree: Mapping[str, Any], major: int) -> tuple[str, ...]:
    """The options of the other layout, which this major version ignores: top-level keys, and paths in `proxies`."""
    keys = (key for key, value in tree.items() if key != PROXIES and layout_of(key, value) == 11 - major)
    top_level = (key for key in keys if not (key in TOP_LEVEL[major] and key in TABLES[major]))
    return (*top_level, *_left_over_in_proxies(tree.get(PROXIES), major))


def _left_over_in_proxies(value: Any, major: int) -> Iterator[str]:
    ignored = _only_in_proxies_of(11 - major)
    for index, proxy in enumerate(tables(value)):
        yield from (f"{PROXIES}[{index}].{key}" for key in proxy if key in ignored)


def _only_in_proxies_of(major: int) -> frozenset[str]:
    return PROXY_OPTIONS[major] - PROXY_OPTIONS[11 - major]


def layout_of(key: str, value: Any) -> int | None:
    """The major version whose layout has this top-level option with this type of value.

    None if both versions have it, or if neither version has it.
    """
    if "." in key:
        return next((major for major in (6, 5) if key in OPTIONS[major] or key in TABLES[major]), None)
    known = [major for major in (6, 5) if key in TOP_LEVEL[major]]
    if len(known) == 1:
        return known[0]
    if not known:
        return None
    if key == PROXIES:
        return _layout_of_proxies(value)
    if key not in TABLES[6]:
        return None
    return 6 if isinstance(value, dict) else 5  # a table in v6, a scalar in v5


def _layout_of_proxies(value: Any) -> int | None:
    keys = {key for proxy in tables(value) for key in proxy}
    return next((major for major in (6, 5) if keys & _only_in_proxies_of(major)), None)


def _leaves(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_leaves, value))
    if not isinstance(value, dict):
        return 1
    return sum(_leaves(inner) for inner in table(value).values())
