"""Checks whether Centrifugo accepts the value of an option, by the option's kind."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import FALSE, TRUE, FromSecret
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.options import Setting

# https://pkg.go.dev/strconv#ParseInt with base 0
INTEGER: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)", re.ASCII)
DURATION: Final = "a duration such as 30s, 5m or 168h (the longest unit is h: there is no d for days)"
WHOLE_SECONDS: Final = re.compile(r"(.*\.)?(global_)?history(_meta)?_ttl")
# v5 reads these durations only if their engine or exporter is in use, or at shutdown
READ_ON_DEMAND: Final = ("redis_", "nats_", "global_presence_ttl", "graphite_", "shutdown_")
Accepted = Callable[[Any], str]


def accepted_instead(setting: Setting, major: int) -> str:
    """The values that Centrifugo accepts for this option, if it refuses this one; "" if it accepts it."""
    if setting.value is None or isinstance(setting.value, FromSecret) or setting.kind is None:
        return ""
    if major == 5 and "[" not in setting.option:
        return _flat_v5(setting)
    if wanted := CHECKS[setting.kind](setting.value):
        return wanted
    return _whole_seconds(setting) if major == 6 else ""


def _flat_v5(setting: Setting) -> str:
    """For flat options, v5 refuses only bad values of durations, lists of tables, maps and engines.

    It reads other bad values as 0, false or empty.
    """
    if setting.kind == "duration" and not setting.option.startswith(READ_ON_DEMAND):
        return _v5_duration(setting.value) or _whole_seconds(setting)
    if setting.kind == "tables":
        return "" if isinstance(setting.value, list) else "a list of tables, or the same list as JSON text"
    if setting.option == "proxy_static_http_headers":
        return _map(setting.value)
    if setting.option == "engine" and not isinstance(setting.value, str):
        return "memory, redis or tarantool"
    return ""


def _v5_duration(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and value:
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
        return "" if not value or INTEGER.fullmatch(value) else "a whole number"
    return "a whole number" if isinstance(value, dict | list) else ""


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


def _map(value: Any) -> str:
    if isinstance(value, list):
        value = {index: text for index, item in enumerate(value) for text in _pair(item)}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        return "a table of names and strings"
    return ""


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
    "map": _map,
    "table": _table,
    "tables": _tables,
}
