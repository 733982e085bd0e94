"""Checks that a panel can show Prometheus' answer to its query."""

import re
from collections.abc import Sequence
from itertools import pairwise

from tests.harness.dashboards import PanelQuery
from tests.harness.prometheus import RATE_INTERVAL, Prometheus, Series


def answered(prometheus: Prometheus, query: PanelQuery, job: str, instance: str = ".*") -> list[Series]:
    """Prometheus' answer to a panel's query, over the whole time of `play`."""
    return prometheus.range(query.filled(job, rate_interval=RATE_INTERVAL, over="1h", instance=instance))


def faults(query: PanelQuery, series: Sequence[Series], *, share: bool) -> list[str]:
    """The faults of an answer. With `share`, values above 1 are faults too."""
    if not series:
        return ["no data"]
    found = [f"{each.labels}: not a number" for each in series if not each.is_finite]
    found += [f"{each.labels}: below 0" for each in series if min(each.values) < 0]
    found += [f"{each.labels}: above 1" for each in series if share and each.peak > 1]
    named = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
    found += [f"{each.labels}: not the labels of the legend" for each in series if set(each.labels) != named]
    return found + (bucket_faults(series) if query.kind == "heatmap" else [])


def bucket_faults(series: Sequence[Series]) -> list[str]:
    """A heatmap needs a bucket +Inf, and each bucket must include the observations of the smaller buckets.

    The sums are compared with a margin, because `increase` extrapolates each bucket of a new series on its own.
    """
    ordered = sorted(series, key=lambda each: float(each.labels["le"]))
    if ordered[-1].labels["le"] != "+Inf":
        return ["no bucket +Inf"]
    sums = [(each.labels["le"], sum(each.values)) for each in ordered]
    return [f"fewer in {high[0]} than in {low[0]}" for low, high in pairwise(sums) if high[1] < 0.9 * low[1]]
