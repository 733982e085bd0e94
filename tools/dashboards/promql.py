"""Parts of the dashboards' queries. `$job` is one job. `$instance` is a regular expression that selects processes."""

from typing import Final

SELECTED: Final = 'job="$job", instance=~"$instance"'


def metric(name: str, matchers: str = "") -> str:
    """A metric's series of the selected processes. `matchers` also select by labels, such as `type="connect"`."""
    return f"{name}{{{SELECTED}{', ' if matchers else ''}{matchers}}}"


def rate(name: str, by: str = "", matchers: str = "") -> str:
    """The increase of a counter per second. The labels in `by` are kept; the result is summed over all others."""
    return f"sum{_by(by)} (rate({metric(name, matchers)}[$__rate_interval]))"


def cells(histogram: str, matchers: str = "") -> str:
    """The increase of each bucket. A bucket includes the smaller buckets, which Grafana's heatmap subtracts."""
    return f"sum by (le) (increase({metric(histogram + '_bucket', matchers)}[$__rate_interval]))"


def quantile(of: float, histogram: str, by: str = "", matchers: str = "") -> str:
    """The quantile `of`; with 0.99, 99 % of the observations are below it. Without observations it has no series."""
    buckets = rate(f"{histogram}_bucket", f"{by}, le" if by else "le", matchers)
    observed = rate(f"{histogram}_count", by, matchers)
    return f"histogram_quantile({of}, {buckets}) and{' on ()' if not by else f' on ({by})'} {observed} > 0"


def largest(name: str, by: str, matchers: str = "") -> str:
    """The largest value of a gauge, for each combination of the labels in `by`."""
    return f"max{_by(by)} ({metric(name, matchers)})"


def total(name: str, by: str = "", matchers: str = "") -> str:
    """The sum of a gauge, for each combination of the labels in `by`."""
    return f"sum{_by(by)} ({metric(name, matchers)})"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
