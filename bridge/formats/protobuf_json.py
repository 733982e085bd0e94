"""Converts values of Protobuf to values of JSON."""

import base64
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from google.protobuf import json_format
from google.protobuf.descriptor import EnumDescriptor

Convert: TypeAlias = Callable[[Any], Any]

_PACKAGE: Final = "google.protobuf."
_FLOAT: Final = struct.Struct("f")
_MOST_DIGITS: Final = 9  # nine digits are enough for every float of 32 bits
_LARGEST_EXACT: Final = 2**53


def well_known(full_name: str) -> Convert | None:
    """The function for a type of Protobuf itself that has a special form in JSON; None for other types."""
    return _WELL_KNOWN.get(full_name)


def enum_names(enum: EnumDescriptor) -> Convert:
    """Converts an enum value to its (first) name. A value that is not in the descriptor stays a number."""
    if enum.full_name == f"{_PACKAGE}NullValue":
        return lambda number: None
    names = {value.number: value.name for value in reversed(list(enum.values))}
    return lambda number: names.get(number, number)


def same(value: Any) -> Any:
    return value


def text(value: Any) -> Any:
    """Raises ValueError for a text that is not UTF-8. Only proto2 allows such texts; protobuf returns them as bytes."""
    if type(value) is bytes:
        raise ValueError
    return value


def base64_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def number_or_text(value: Any) -> Any:
    """JSON has no infinity or NaN; protobuf writes them as strings."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def float32(value: float) -> Any:
    """The shortest decimal for a float of 32 bits, such as 0.1 instead of 0.10000000149011612."""
    if not math.isfinite(value):
        return number_or_text(value)
    decimals = (float(f"{value:.{digits}g}") for digits in range(6, _MOST_DIGITS + 1))
    return next((decimal for decimal in decimals if _FLOAT.unpack(_FLOAT.pack(decimal))[0] == value), value)


def _tidied(value: Any) -> Any:
    """A value of a Struct, with integers and sorted keys.

    Protobuf keeps every number as a float, and the keys in a random order.
    """
    if isinstance(value, dict):
        return {key: _tidied(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_tidied(item) for item in value]
    is_exact = isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_EXACT
    return int(value) if is_exact else value


def key_text(key: Any) -> str:
    key = text(key)
    return str(key).lower() if isinstance(key, bool) else str(key)


_WRAPPERS: Final = ("DoubleValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value", "BoolValue", "StringValue")
_OWN_FORMS: Final[Mapping[str, Convert]] = {
    **dict.fromkeys(("Timestamp", "Duration"), lambda message: message.ToJsonString()),
    **dict.fromkeys(
        ("Struct", "Value", "ListValue", "FieldMask"), lambda message: _tidied(json_format.MessageToDict(message))
    ),
    **dict.fromkeys(_WRAPPERS, lambda message: number_or_text(message.value)),
    "BytesValue": lambda message: base64_text(message.value),
    "FloatValue": lambda message: float32(message.value),
}
_WELL_KNOWN: Final = {f"{_PACKAGE}{name}": convert for name, convert in _OWN_FORMS.items()}
