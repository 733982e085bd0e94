"""Counts requests for django-prometheus' metrics: in a dictionary, added to the metrics when they are scraped.

django-prometheus' own middlewares take a dozen locks per request. Its histograms stay empty: the duration of a proxy
request is in realtime_proxy_duration_seconds. Figures: docs/performance.md.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from django_prometheus.middleware import Metrics

# django-prometheus' values for the `method` label.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"})
OTHER_METHOD: Final = "<invalid method>"


class Labels(NamedTuple):
    """The labels of django-prometheus' request counters."""

    view: str
    method: str
    transport: str
    status: int


@dataclass
class Tally:
    """Requests since the last `fold`."""

    requests: Counter[Labels] = field(default_factory=Counter)

    def fold(self) -> None:
        """Add the tally to django-prometheus' counters. Call it before each export."""
        requests, self.requests = self.requests, Counter()
        for labels, count in requests.items():
            _add(labels, count)


def _add(labels: Labels, count: int) -> None:
    view, method, transport, status = labels.view, _method(labels.method), labels.transport, str(labels.status)
    metrics = Metrics.get_instance()
    metrics.requests_total.inc(count)
    metrics.responses_total.inc(count)
    metrics.requests_by_method.labels(method=method).inc(count)
    metrics.requests_by_transport.labels(transport=transport).inc(count)
    metrics.requests_by_view_transport_method.labels(view=view, transport=transport, method=method).inc(count)
    metrics.responses_by_status.labels(status=status).inc(count)
    metrics.responses_by_status_view_method.labels(status=status, view=view, method=method).inc(count)


def _method(method: str) -> str:
    """The method's name, from a closed set, because a client can send any word."""
    return method if method in METHODS else OTHER_METHOD


tally = Tally()
