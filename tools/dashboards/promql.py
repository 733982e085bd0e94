"""Parts of the dashboards' queries. `$job` is one job; `$instance` is a regular expression of its processes."""

from typing import Final

SELECTED: Final = 'job="$job", instance=~"$instance"'


def metric(name: str, matchers: str = "") -> str:
    """The selected processes' series of a metric; `matchers` are further ones, such as `type="connect"`."""
    return f"{name}{{{SELECTED}{', ' if matchers else ''}{matchers}}}"


def rate(name: str, by: str = "", matchers: str = "") -> str:
    """Increases a second of a counter, summed over what `by` does not name. A restart does not show as a fall."""
    return f"sum{_by(by)} (rate({metric(name, matchers)}[$__rate_interval]))"


def cells(histogram: str, matchers: str = "") -> str:
    """The observations in each bucket, for a heatmap."""
    return f"sum by (le) (increase({metric(histogram + '_bucket', matchers)}[$__rate_interval]))"


def quantile(of: float, histogram: str, by: str = "", matchers: str = "") -> str:
    """The value below which this share of the observations is; no series where there was no observation."""
    buckets = rate(f"{histogram}_bucket", f"{by}, le" if by else "le", matchers)
    observed = rate(f"{histogram}_count", by, matchers)
    return f"histogram_quantile({of}, {buckets}) and{' on ()' if not by else f' on ({by})'} {observed} > 0"


def largest(name: str, by: str, matchers: str = "") -> str:
    """The largest value of a gauge among what `by` does not name."""
    return f"max{_by(by)} ({metric(name, matchers)})"


def total(name: str, by: str = "", matchers: str = "") -> str:
    """A gauge, summed over what `by` does not name."""
    return f"sum{_by(by)} ({metric(name, matchers)})"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""
