"""Writes deploy/alerts.yml as a PrometheusRule for Prometheus operator: `make prometheus-rule`."""

from pathlib import Path
from textwrap import indent
from typing import Final

DEPLOY: Final = Path(__file__).resolve().parents[1] / "deploy"
ALERTS: Final = DEPLOY / "alerts.yml"
RULE: Final = DEPLOY / "flux" / "apps" / "realtime-service" / "base" / "prometheus-rule.yaml"
HEAD: Final = """\
# Made from deploy/alerts.yml by `make prometheus-rule`. Change that file, not this one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: realtime
  labels:
    app.kubernetes.io/name: realtime-service
    app.kubernetes.io/component: proxy
spec:
"""


def prometheus_rule(alerts: str) -> str:
    """The manifest of a PrometheusRule with the groups of a rules file, including their comments."""
    before, groups, after = alerts.partition("\ngroups:\n")
    if not before or not groups:
        raise ValueError("The rules file has no line `groups:` after its first comment.")
    return HEAD + indent(groups.lstrip() + after, "  ")


if __name__ == "__main__":
    RULE.write_text(prometheus_rule(ALERTS.read_text()))
