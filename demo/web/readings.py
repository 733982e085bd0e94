"""Computes the changes between two readings of the service's metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

# The page's chart has these groups of outcomes of a connect. It does not show the outcomes `cancelled` and
# `not_implemented`.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "in": ("success", "success_degraded"),
    "fallback": ("fallback_pool_consumed",),
    "later": (
        "unavailable",
        "fallback_pool_miss",
        "fallback_pool_not_open",
        "identity_error",
        "overloaded",
    ),
    "refused": ("disconnect", "invalid_ticket", "bad_request", "internal_error", "refused"),
}
# gRPC codes of calls that identity has not answered.
SILENCE: Final = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})


@dataclass(frozen=True)
class Reading:
    """Counters of the service since it started.

    `outcomes` are connects by group. `buckets` are pairs: a time in seconds, and the number of connects that took at
    most this time. `events` is the number of requests for other events. `answered` and `unanswered` are numbers of
    calls to identity.
    """

    outcomes: Mapping[str, float]
    buckets: tuple[tuple[float, float], ...]
    events: float
    answered: float
    unanswered: float


def read(text: str) -> Reading:
    """The reading from the text of `/metrics`."""
    families = {family.name: family for family in text_string_to_metric_families(text)}
    requests = list(_samples(families["realtime_proxy_requests"], "_total"))
    connects = {labels["outcome"]: value for labels, value in requests if labels["type"] == "connect"}
    durations = _samples(families["realtime_proxy_duration_seconds"], "_bucket")
    calls = [*_identity_calls(families)]
    return Reading(
        outcomes={group: sum(connects.get(name, 0) for name in names) for group, names in GROUPS.items()},
        buckets=tuple((float(labels["le"]), value) for labels, value in durations if labels["type"] == "connect"),
        events=sum(value for labels, value in requests if labels["type"] != "connect"),
        answered=sum(value for code, value in calls if code not in SILENCE),
        unanswered=sum(value for code, value in calls if code in SILENCE),
    )


def _identity_calls(families: Mapping[str, Metric]) -> Iterable[tuple[str, float]]:
    """Pairs of a gRPC code and a number of calls, for the calls of Validate and of Refresh."""
    for labels, value in _samples(families["realtime_identity_calls"], "_total"):
        yield labels["code"], value
    for labels, value in _samples(families["realtime_backend_calls"], "_total"):
        if labels["service"] == "identity_refresh":
            yield labels["code"], value


def _samples(family: Metric, suffix: str) -> Iterable[tuple[Mapping[str, str], float]]:
    return ((each.labels, each.value) for each in family.samples if each.name == family.name + suffix)


def between(before: Reading, after: Reading) -> dict[str, Any]:
    """The changes between two readings, in the form that the page needs. Latencies are in ms; None without connects."""
    earlier = dict(before.buckets)
    buckets = [(bound, value - earlier.get(bound, 0)) for bound, value in after.buckets]
    return {
        "outcomes": {group: int(after.outcomes[group] - before.outcomes[group]) for group in GROUPS},
        "events": int(after.events - before.events),
        "answered": int(after.answered - before.answered),
        "unanswered": int(after.unanswered - before.unanswered),
        "p50_ms": _in_ms(quantile(0.5, buckets)),
        "p95_ms": _in_ms(quantile(0.95, buckets)),
    }


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """An estimate of a quantile, like that of Prometheus' `histogram_quantile`; None if nothing was counted.

    `buckets` are pairs: an upper bound, and the number of values up to this bound. The bounds are in ascending order,
    and the last bound is infinite.
    """
    counted = [(0.0, 0.0), *buckets]
    rank = share * counted[-1][1]
    if not rank:
        return None
    for (low, below), (high, up_to) in pairwise(counted):
        if up_to >= rank:
            return low if high == float("inf") else low + (high - low) * (rank - below) / (up_to - below)
    return None
