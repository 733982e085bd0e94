"""Percentiles of measured values."""

from collections.abc import Sequence
from math import ceil
from statistics import quantiles


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value such that at least this share of the values is not above it; 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else 0.0


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """p50, p99 and maximum."""
    return percentile(values, 0.5), percentile(values, 0.99), max(values, default=0.0)


def quartiles(values: Sequence[float]) -> list[float]:
    """The lower quartile, median and upper quartile; a single value three times. Interpolated, for few values."""
    return quantiles(values, method="inclusive") if len(values) > 1 else [*values] * 3
