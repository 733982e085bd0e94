"""Percentiles of measured values."""

from collections.abc import Sequence
from math import ceil
from statistics import quantiles


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile for a share from 0 to 1: at least this share of the values is not above it. 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else 0.0


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The p50, the p99 and the maximum."""
    return percentile(values, 0.5), percentile(values, 0.99), max(values, default=0.0)


def quartiles(values: Sequence[float]) -> list[float]:
    """The lower quartile, the median and the upper quartile, interpolated. For one value, the value three times."""
    return quantiles(values, method="inclusive") if len(values) > 1 else [*values] * 3
