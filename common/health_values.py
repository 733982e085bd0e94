"""Checks values from the /health of a process. The process may have another version, or be another service."""

from typing import Any, Final

LARGEST_COUNT: Final = 10**15
LONGEST_TEXT: Final = 64  # a version, a time or a word


def plausible_count(value: Any) -> int:
    """The value, if it is a plausible count. Raises ValueError for anything else, including True and False."""
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise ValueError("not a count")
    return value


def value_of(kind: type, value: Any) -> Any:
    """The value, if it has exactly this type: True is not an int. Raises ValueError."""
    if type(value) is not kind:
        raise ValueError(f"not of type {kind.__name__}")
    return value


def optional_value(kind: type, value: Any) -> Any:
    """None, or the value as in `value_of`."""
    return None if value is None else value_of(kind, value)


def short_text(value: Any) -> str:
    """The text, if it fits into a cell of a table. Raises ValueError."""
    text: str = value_of(str, value)
    if len(text) > LONGEST_TEXT:
        raise ValueError("too long")
    return text


def optional_text(value: Any) -> str | None:
    """None, or the text as in `short_text`."""
    return None if value is None else short_text(value)
