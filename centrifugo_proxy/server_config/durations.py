"""Go's durations, the format of Centrifugo's timeouts: https://pkg.go.dev/time#ParseDuration"""

import re
from fractions import Fraction
from typing import Any, Final

MS_OF_UNIT: Final = {
    "ns": Fraction(1, 1_000_000),
    "us": Fraction(1, 1000),
    "µs": Fraction(1, 1000),
    "μs": Fraction(1, 1000),
    "ms": Fraction(1),
    "s": Fraction(1000),
    "m": Fraction(60_000),
    "h": Fraction(3_600_000),
}
SMALLEST_NS: Final = -(2**63)
SMALLEST_MS: Final = Fraction(SMALLEST_NS, 1_000_000)
LONGEST_MS: Final = Fraction(2**63 - 1, 1_000_000)  # the largest 64-bit number of nanoseconds: about 292 years
PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
WHOLE: Final = re.compile(rf"[-+]?({PART.pattern})+", re.ASCII)


def milliseconds(value: Any) -> Fraction:
    """A duration in milliseconds. `value` is text such as "1m30s", or a number of nanoseconds.

    Raises ValueError for a duration that Go refuses. Go accepts infinity, NaN, and numbers that are too large for 64
    bits. On amd64, Go reads them as the smallest duration.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a duration")
    if not isinstance(value, str):
        return Fraction(value if SMALLEST_NS <= value < -SMALLEST_NS else SMALLEST_NS) / 1_000_000
    if value in ("0", "+0", "-0"):
        return Fraction(0)
    if not WHOLE.fullmatch(value):
        raise ValueError(f"{value!r} is not a duration such as 3s or 1500ms")
    parts = (Fraction(_digits(number)) * MS_OF_UNIT[unit] for number, unit in PART.findall(value))
    total = sum(parts, Fraction(0)) * (-1 if value.startswith("-") else 1)
    if not SMALLEST_MS <= total <= LONGEST_MS:
        raise ValueError(f"{value!r} is longer than a duration can be")
    return total


def _digits(number: str) -> str:
    return number.strip(".") if number.endswith(".") else number
