"""django-prometheus' counters, kept as a tally and folded into its metrics when they are scraped.

Its own middlewares take a dozen locks a request; a tally takes one addition to a dictionary. Its histograms stay
empty: the time of a proxy request is in realtime_proxy_duration_seconds. Figures: docs/performance.md.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from django_prometheus.middleware import Metrics, PrometheusAfterMiddleware


class Labels(NamedTuple):
    """What django-prometheus tells requests apart by."""

    view: str
    method: str
    transport: str
    status: int


@dataclass
class Tally:
    """Requests since the last `fold`."""

    requests: Counter[Labels] = field(default_factory=Counter)

    def fold(self) -> None:
        """Move the tally into django-prometheus' counters; must precede each export."""
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
    """One of django-prometheus' closed set of method names."""
    sanitised: str = PrometheusAfterMiddleware._method(None, _Request(method))
    return sanitised


class _Request(NamedTuple):
    method: str


tally = Tally()
