"""The dashboards of deploy/grafana, and their panels' queries."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.harness.paths import DEPLOY

GRAFANA: Final = DEPLOY / "grafana"


class PanelQuery(NamedTuple):
    """A query of a panel. In `legend`, {{label}} stands for the value of that label."""

    dashboard: str
    panel: str
    kind: str
    expr: str
    legend: str

    @property
    def name(self) -> str:
        return f"{self.dashboard}: {self.panel}: {self.legend}"

    @property
    def metrics(self) -> set[str]:
        return set(re.findall(r"\brealtime_\w+", self.expr))

    def filled(self, job: str, *, rate_interval: str, over: str, instance: str = ".*") -> str:
        """The expression with Grafana's variables replaced, as Grafana does before it asks Prometheus."""
        values = {"$job": job, "$instance": instance, "$__rate_interval": rate_interval, "$__range": over}
        return re.sub(r"\$(__)?[a-z_]+", lambda found: values[found[0]], self.expr)


def dashboards() -> dict[str, dict[str, Any]]:
    """The committed dashboards by uid."""
    loaded = [json.loads(path.read_text()) for path in sorted(GRAFANA.glob("*.json"))]
    return {each["uid"]: each for each in loaded}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard, without its row headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> Iterator[PanelQuery]:
    """Every query of every panel."""
    for uid, dashboard in dashboards().items():
        for panel in panels(dashboard):
            yield from queries_of(uid, panel)


def queries_of(uid: str, panel: dict[str, Any]) -> Iterator[PanelQuery]:
    """The queries of a panel of the dashboard `uid`."""
    for target in panel["targets"]:
        yield PanelQuery(uid, panel["title"], panel["type"], target["expr"], target["legendFormat"])
