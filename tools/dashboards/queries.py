"""The queries of panels: an expression, and the legend of its series."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tools.dashboards.promql import quantile


class Query(NamedTuple):
    """A PromQL expression, and the legend of its series, with {{label}} for labels."""

    expr: str
    legend: str


class Summary(Protocol):
    """A function of promql.py that aggregates a metric by labels: its rate, its sum or its largest value."""

    def __call__(self, name: str, by: str, matchers: str = "", /) -> str: ...


def split(summary: Summary, name: str, by: str, matchers: str = "") -> Query:
    """A series for each combination of the labels `by`, which the legend shows."""
    return Query(summary(name, by, matchers), " ".join(f"{{{{{label}}}}}" for label in by.split(", ")))


def quantiles(histogram: str, *shares: float, matchers: str = "") -> Iterable[Query]:
    """The quantiles of a histogram; 0.99 is the value below which 99 % of the observations are."""
    return (Query(quantile(share, histogram, matchers=matchers), f"{share:.0%}") for share in shares)
