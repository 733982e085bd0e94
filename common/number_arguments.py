"""Argparse types for numbers. Python's own `int` and `float` also accept `1_0`, digits of other scripts and `nan`."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Final, TypeVar

WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
DECIMAL: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
N = TypeVar("N", int, float)


def whole_number(low: int | None = None, high: int | None = None) -> Callable[[str], int]:
    """A type for whole numbers from `low` to `high`, both included. A number has at most 18 digits."""
    return _number(WHOLE, int, "a whole number", low, high)


def decimal_number(low: int | None = None) -> Callable[[str], float]:
    """A type for numbers such as 2 or 0.5. They are at least `low`."""
    return _number(DECIMAL, float, "a number such as 2 or 0.5", low, None)


def _number(
    form: re.Pattern[str], read: Callable[[str], N], name: str, low: int | None, high: int | None
) -> Callable[[str], N]:
    def convert(text: str) -> N:
        if not form.fullmatch(text) or not _within(read(text), low, high):
            raise ArgumentTypeError(f"{text!r} is not accepted; accepted: {name}{_bounds(low, high)}")
        return read(text)

    return convert


def _within(number: float, low: int | None, high: int | None) -> bool:
    return (low is None or low <= number) and (high is None or number <= high)


def _bounds(low: int | None, high: int | None) -> str:
    if low is None:
        return ""
    return f", {low} or more" if high is None else f", {low} to {high}"
