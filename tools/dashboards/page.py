"""The common parts of every dashboard: its address, its variables, its links, and its panels in order."""

from collections.abc import Iterable
from typing import Final

from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from tools.dashboards.panels import SOURCE, Panel

TAG: Final = "realtime"
RUNBOOK: Final = "https://example.org/realtime-proxy/docs/runbook.md"


def page(uid: str, title: str, description: str, info: str, content: Iterable[board.Row | Panel]) -> board.Dashboard:
    """A dashboard at /d/`uid`. The metric `info` has a series for each process that the user can select."""
    made = board.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    made = made.time("now-1h", "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    made = made.with_variable(board.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    made = made.with_variable(_job(info)).with_variable(_instance(info))
    for link in _links():
        made = made.link(link)
    for number, each in enumerate(content, start=1):
        made = made.with_row(each.id(number)) if isinstance(each, board.Row) else made.with_panel(each.id(number))
    return made


def _job(info: str) -> board.QueryVariable:
    variable = board.QueryVariable("job").label("Job").datasource(SOURCE).query(f"label_values({info}, job)")
    return variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)


def _instance(info: str) -> board.QueryVariable:
    """The variable that selects processes. By default it selects all processes, including those that start later."""
    variable = board.QueryVariable("instance").label("Process").datasource(SOURCE)
    variable = variable.query(f'label_values({info}{{job="$job"}}, instance)')
    variable = variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    everything = VariableOption(selected=True, text="All", value="$__all")
    return variable.multi(True).include_all(True).all_value(".*").current(everything)


def _links() -> list[board.DashboardLink]:
    others = board.DashboardLink("Realtime").type(DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True)
    runbook = board.DashboardLink("Runbook").type(DashboardLinkType.LINK).url(RUNBOOK).target_blank(True)
    return [others, runbook.icon("doc")]
