"""Parts of the dashboards' queries. `$job` is one job; `$instance` is a regular expression of its processes."""

from typing import Final

SELECTED: Final = 'job="$job", instance=~"$instance"'


def metric(name: str, matchers: str = "") -> str:
    """The selected processes' series of a metric. `matchers` select further by label, such as `type="connect"`."""
    return f"{name}{{{SELECTED}{', ' if matchers else ''}{matchers}}}"


def rate(name: str, by: str = "", matchers: str = "") -> str:
    """A counter's increase per second, summed over the labels that `by` does not name."""
    return f"sum{_by(by)} (rate({metric(name, matchers)}[$__rate_interval]))"


def cells(histogram: str, matchers: str = "") -> str:
    """The increase of each bucket, with the smaller buckets included. Grafana's heatmap subtracts them."""
    return f"sum by (le) (increase({metric(histogram + '_bucket', matchers)}[$__rate_interval]))"


def quantile(of: float, histogram: str, by: str = "", matchers: str = "") -> str:
    """The quantile `of` (0.99: the value below which 99 % of the observations are); no series without observations."""
    buckets = rate(f"{histogram}_bucket", f"{by}, le" if by else "le", matchers)
    observed = rate(f"{histogram}_count", by, matchers)
    return f"histogram_quantile({of}, {buckets}) and{' on ()' if not by else f' on ({by})'} {observed} > 0"


def largest(name: str, by: str, matchers: str = "") -> str:
    """The largest value of a gauge over the labels that `by` does not name."""
    return f"max{_by(by)} ({metric(name, matchers)})"


def total(name: str, by: str = "", matchers: str = "") -> str:
    """A gauge, summed over the labels that `by` does not name."""
    return f"sum{_by(by)} ({metric(name, matchers)})"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
