"""The queries of panels. A query is an expression, and the legend of its series."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tools.dashboards.promql import quantile


class Query(NamedTuple):
    """A PromQL expression, and the legend of its series. In the legend, {{label}} stands for the value of a label."""

    expr: str
    legend: str


class Summary(Protocol):
    """A function of promql.py that aggregates a metric by labels: `rate`, `total` or `largest`."""

    def __call__(self, name: str, by: str, matchers: str = "", /) -> str: ...


def split(summary: Summary, name: str, by: str, matchers: str = "") -> Query:
    """A query with a series for each combination of the labels in `by`. The legend shows these labels."""
    return Query(summary(name, by, matchers), " ".join(f"{{{{{label}}}}}" for label in by.split(", ")))


def quantiles(histogram: str, *shares: float, matchers: str = "") -> Iterable[Query]:
    """Queries for the quantiles of a histogram. For 0.99, 99 % of the observations are below the result."""
    return (Query(quantile(share, histogram, matchers=matchers), f"{share:.0%}") for share in shares)
