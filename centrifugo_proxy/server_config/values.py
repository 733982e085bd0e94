"""Checks whether Centrifugo accepts the value of an option, by the option's kind."""

import re
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FALSE, TRUE, FromSecret
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.options import Setting

# https://pkg.go.dev/strconv#ParseInt with base 0
INTEGER: Final = re.compile(
    r"[-+]?(0[xX](_?[0-9a-fA-F])+|0[bB](_?[01])+|0[oO](_?[0-7])+|0(_?[0-7])*|[1-9](_?[0-9])*)", re.ASCII
)
OCTAL: Final = re.compile(r"^([-+]?)0(?=[_0-7])")  # an octal number without the letter o, which Python needs
INT64: Final = range(-(2**63), 2**63)
DURATION: Final = "a duration such as 30s, 5m or 168h (the longest unit is h: there is no d for days)"
WHOLE_SECONDS: Final = re.compile(r"(.*\.)?(global_)?history(_meta)?_ttl")
# v5 reads these durations only at shutdown, or only if their engine or exporter is in use.
READ_ON_DEMAND: Final = ("redis_", "nats_", "global_presence_ttl", "graphite_", "shutdown_")
Accepted = Callable[[Any], str]


def accepted_instead(setting: Setting, major: int) -> str:
    """A description of the values that Centrifugo accepts for this option. "" if it accepts the given value."""
    if setting.value is None or isinstance(setting.value, FromSecret) or setting.kind is None:
        return ""
    if major == 5 and "[" not in setting.option:
        return _flat_v5(setting)
    if setting.kind == "map":
        return _map(setting, major)
    if wanted := CHECKS[setting.kind](setting.value):
        return wanted
    return _whole_seconds(setting) if major == 6 else ""


def _flat_v5(setting: Setting) -> str:
    """For flat options, v5 refuses only bad durations, lists of tables, maps and engines.

    It reads a bad value of another kind as 0, false or empty.
    """
    if setting.kind == "duration" and not setting.option.startswith(READ_ON_DEMAND):
        return _v5_duration(setting.value) or _whole_seconds(setting)
    if setting.kind == "tables":
        return "" if isinstance(setting.value, list) else "a list of tables, or the same list as JSON text"
    if setting.option == "proxy_static_http_headers":
        return _map(setting, major=5)
    if setting.option == "engine" and not isinstance(setting.value, str):
        return "memory, redis or tarantool"
    return ""


def _v5_duration(value: Any) -> str:
    if isinstance(value, bool) or (isinstance(value, int | float) and value):
        return f"{DURATION}, with its unit"
    if wanted := _duration(value):
        return wanted
    return "at least 1ms" if isinstance(value, str) and 0 < milliseconds(value) < 1 else ""


def _whole_seconds(setting: Setting) -> str:
    if not WHOLE_SECONDS.fullmatch(setting.option) or isinstance(setting.value, bool):
        return ""
    value = milliseconds(setting.value)
    return "whole seconds" if value > 0 and value % 1000 else ""


def _boolean(value: Any) -> str:
    if isinstance(value, str):
        return "" if value in {*TRUE, *FALSE, ""} else "true or false"
    return "true or false" if isinstance(value, dict | list) else ""


def _integer(value: Any) -> str:
    if isinstance(value, str):
        return "" if not value or _is_int64(value) else "a whole number"
    return "a whole number" if isinstance(value, dict | list) else ""


def _is_int64(text: str) -> bool:
    try:
        return INTEGER.fullmatch(text) is not None and int(OCTAL.sub(r"\g<1>0o", text), 0) in INT64
    except ValueError:  # the number has thousands of digits
        return False


def _duration(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    try:
        milliseconds(value)
    except ValueError:
        return DURATION
    return ""


def _text(value: Any) -> str:
    return "text" if isinstance(value, dict | list) else ""


def _words(value: Any) -> str:
    items = value if isinstance(value, list) else [value] if value else []
    return "a list of strings" if any(isinstance(item, dict | list) for item in items) else ""


def _map(setting: Setting, major: int) -> str:
    """Checks a map. v6 also accepts a list of keys and values.

    Inside a list, v5 accepts every scalar as a value of the map, and merges a list of tables into one map.
    """
    value, inside_list = setting.value, "[" in setting.option
    if major == 6 and isinstance(value, list):
        fits = all(isinstance(text, str) for item in value for text in _pair(item))
    elif major == 6:
        fits = _is_table_of(value, (str,) if inside_list else (str, NoneType))
    elif inside_list:
        items = value if isinstance(value, list) else [value]
        fits = all(item is None or _is_table_of(item, (str, int, float, NoneType)) for item in items)
    else:
        fits = _is_table_of(value, (str, NoneType))
    return "" if fits else "a table of names and strings"


def _is_table_of(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, dict) and all(isinstance(inner, types) for inner in value.values())


def _pair(item: Any) -> tuple[Any, Any]:
    return (item.get("key"), item.get("value")) if isinstance(item, dict) else (None, None)


def _table(value: Any) -> str:
    return "" if isinstance(value, dict) else "a table"


def _tables(value: Any) -> str:
    return "" if isinstance(value, list | dict) else "a list of tables"


CHECKS: Final[Mapping[str, Accepted]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _integer,
    "duration": _duration,
    "text": _text,
    "words": _words,
    "table": _table,
    "tables": _tables,
}
