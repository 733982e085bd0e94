"""Reads the durations that the commands accept."""

import re
from argparse import ArgumentTypeError
from typing import Final

FACTORS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """A duration such as 90s, 10m, 2h or 7d, in seconds; an argparse type."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not a duration; accepted: up to six digits and s, m, h or d, such as 2h")
    return int(match[1]) * FACTORS[match[2]]
