"""The metrics that the bridge exports."""

from prometheus_client import generate_latest

from bridge.running.metrics import Metrics


def bridge_exposition() -> str:
    """The text of /metrics with every metric that a bridge can have."""
    metrics = Metrics(topics=["entries"], routes=[("entries", "publish")], version="1.0.0")
    metrics.lag.labels("entries", "0")
    metrics.stopped.labels("entries", "0")
    return generate_latest(metrics.registry).decode()
