"""Whether Prometheus' answer to a panel's query is one that the panel can show."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from tests.harness.dashboards import Asked
from tests.harness.prometheus import RATE_INTERVAL, Prometheus, Series


def answered(prometheus: Prometheus, asked: Asked, job: str, instance: str = ".*") -> list[Series]:
    """The answer about the whole time of the play."""
    return prometheus.range(asked.filled(job, rate_interval=RATE_INTERVAL, over="1h", instance=instance))


def faults(asked: Asked, series: Sequence[Series], *, share: bool) -> list[str]:
    """What is wrong with the shape of an answer; a `share` is at most 1."""
    if not series:
        return ["no data"]
    found = [f"{each.labels}: not a number" for each in series if not each.is_finite]
    found += [f"{each.labels}: below 0" for each in series if min(each.values) < 0]
    found += [f"{each.labels}: above 1" for each in series if share and each.peak > 1]
    named = set(re.findall(r"\{\{(\w+)\}\}", asked.legend))
    found += [f"{each.labels}: not the labels of the legend" for each in series if set(each.labels) != named]
    return found + (bucket_faults(series) if asked.kind == "heatmap" else [])


def bucket_faults(series: Sequence[Series]) -> list[str]:
    """A heatmap needs +Inf, and buckets that include the smaller ones, at each time."""
    if all(each.labels["le"] != "+Inf" for each in series):
        return ["no bucket +Inf"]
    counts: dict[float, list[float]] = defaultdict(list)
    for each in sorted(series, key=lambda each: float(each.labels["le"])):
        for time, value in each.samples:
            counts[time].append(value)
    falls = [time for time, values in counts.items() if any(a > b + 1e-6 for a, b in pairwise(values))]
    return [f"a larger bucket has fewer observations at {time}" for time in falls]
