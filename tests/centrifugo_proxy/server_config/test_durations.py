"""Parsing Go's durations."""

import math
from fractions import Fraction
from typing import Any, Final

import pytest

from centrifugo_proxy.server_config.durations import milliseconds

SMALLEST_MS: Final = Fraction(-(2**63), 1_000_000)  # Centrifugo logs it as -2562047h47m16.854775808s


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("1.5s", 1500),
        ("900ms", 900),
        ("1m30s", 90_000),
        ("1h2m3.5s", 3_723_500),
        ("2500000us", 2500),
        ("2500000µs", 2500),
        (".5s", 500),
        ("1.s", 1000),
        ("-3s", -3000),
        ("+3s", 3000),
        ("0", 0),
        (3_000_000_000, 3000),
        (2.5e9, 2500),
        ("-2562047h47m16.854775808s", SMALLEST_MS),
        ("2562047h47m16.854775807s", -SMALLEST_MS - Fraction(1, 1_000_000)),
        (math.inf, SMALLEST_MS),
        (-math.inf, SMALLEST_MS),
        (math.nan, SMALLEST_MS),
        (1e300, SMALLEST_MS),
    ],
)
def test_a_duration_has_the_same_value_as_in_the_language_go(written: Any, ms: int | Fraction) -> None:
    assert milliseconds(written) == ms


@pytest.mark.parametrize(
    "written",
    [
        *("", "3", "3 s", "3sec", "s", ".s", "1d", "١s", "--3s"),
        *("2562047h47m16.854775808s", "-2562047h47m16.854775809s"),
        *(True, None, ["3s"]),
    ],
)
def test_a_duration_that_is_invalid_in_the_language_go_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        milliseconds(written)
