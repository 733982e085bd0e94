"""Argparse types for numbers. Python's own `int` and `float` also accept `1_0`, digits of other scripts and `nan`."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Final

WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
DECIMAL: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")


def whole_number(low: int | None = None, high: int | None = None) -> Callable[[str], int]:
    """A type for whole numbers from `low` to `high`, both included. Without bounds: of at most 18 digits."""

    def convert(text: str) -> int:
        if not WHOLE.fullmatch(text) or not _within(int(text), low, high):
            raise ArgumentTypeError(f"{text!r} is not accepted; accepted: {accepted}")
        return int(text)

    accepted = "a whole number" + _bounds(low, high)
    return convert


def decimal_number(low: int | None = None) -> Callable[[str], float]:
    """A type for numbers such as 2 or 0.5, from `low`."""

    def convert(text: str) -> float:
        if not DECIMAL.fullmatch(text) or not _within(float(text), low, None):
            raise ArgumentTypeError(f"{text!r} is not accepted; accepted: {accepted}")
        return float(text)

    accepted = "a number such as 2 or 0.5" + _bounds(low, None)
    return convert


def _within(number: float, low: int | None, high: int | None) -> bool:
    return (low is None or low <= number) and (high is None or number <= high)


def _bounds(low: int | None, high: int | None) -> str:
    if low is None:
        return ""
    return f", {low} or more" if high is None else f", {low} to {high}"
