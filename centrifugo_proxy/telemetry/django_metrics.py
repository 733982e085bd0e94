"""Counts requests in a dictionary. Each scrape adds the counts to the metrics of django-prometheus.

The middlewares of django-prometheus would take a dozen locks per request (figures: docs/performance.md), so they are
not used. The histograms of django-prometheus stay empty: realtime_proxy_duration_seconds has the durations instead.
"""

from threading import Lock
from typing import Final

from django_prometheus.middleware import Metrics

# django-prometheus' values for the `method` label.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"})
OTHER_METHOD: Final = "<invalid method>"

# View, method, transport and status. A plain tuple, because every request creates one.
Labels = tuple[str, str, str, int]


class Tally:
    """The requests since the start. Only the thread of the event loop calls `count`. Any thread may call `fold`."""

    def __init__(self) -> None:
        self._requests: dict[Labels, int] = {}
        self._folded: dict[Labels, int] = {}
        self._folding = Lock()

    def count(self, view: str, method: str, transport: str, status: int) -> None:
        """Count a request. Methods that are not in METHODS share a label, because a client can send any text."""
        labels = (view, method if method in METHODS else OTHER_METHOD, transport, status)
        self._requests[labels] = self._requests.get(labels, 0) + 1

    def fold(self) -> None:
        """Add the requests since the last call to django-prometheus' counters. Call this before each export."""
        with self._folding:
            for labels, count in list(self._requests.items()):
                if new := count - self._folded.get(labels, 0):
                    _add(labels, new)
                    self._folded[labels] = count


def _add(labels: Labels, count: int) -> None:
    view, method, transport, number = labels
    status = str(number)
    metrics = Metrics.get_instance()
    metrics.requests_total.inc(count)
    metrics.responses_total.inc(count)
    metrics.requests_by_method.labels(method=method).inc(count)
    metrics.requests_by_transport.labels(transport=transport).inc(count)
    metrics.requests_by_view_transport_method.labels(view=view, transport=transport, method=method).inc(count)
    metrics.responses_by_status.labels(status=status).inc(count)
    metrics.responses_by_status_view_method.labels(status=status, view=view, method=method).inc(count)


tally: Final = Tally()
