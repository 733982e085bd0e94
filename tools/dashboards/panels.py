"""The kinds of panels on the dashboards. All panels of a kind look alike. The grid is 24 columns wide."""

from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common as look
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import heatmap as heatmaps
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tools.dashboards.queries import Query

Panel = timeseries.Panel | heatmaps.Panel | stat.Panel | statetimeline.Panel

SOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"
HEIGHT: Final = 8
NUMBER_HEIGHT: Final = 4


class State(NamedTuple):
    """A value of a state timeline, and the text and color that the timeline shows for the value."""

    value: int
    text: str
    color: str


def curves(
    title: str, description: str, *queries: Query, unit: str, stacked: bool = False, width: int = 12
) -> timeseries.Panel:
    """Lines over time, or areas on top of one another."""
    panel = timeseries.Panel().title(title).description(description).datasource(SOURCE).unit(unit).min(0)
    panel = panel.span(width).height(HEIGHT).fill_opacity(25 if stacked else 8)
    panel = panel.show_points(common.VisibilityMode.NEVER).legend(_table()).tooltip(_all_series())
    if stacked:
        panel = panel.stacking(look.StackingConfig().mode(common.StackingMode.NORMAL))
    for target in _targets(queries):
        panel = panel.with_target(target)
    return panel


def heat(title: str, description: str, query: Query, *, width: int = 12) -> heatmaps.Panel:
    """A heatmap of a histogram over time. The buckets are in seconds."""
    colors = heatmaps.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    panel = heatmaps.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.span(width).height(HEIGHT).calculate(False).color(colors)
    panel = panel.y_axis(heatmaps.YAxisConfig().unit("s")).cell_gap(1).show_legend()
    (target,) = _targets((query,))
    return panel.with_target(target.format(PromQueryFormat.HEATMAP))


def number(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "short",
    warn: float | None = None,
    low: float | None = None,
    none: str = "-",
    width: int = 4,
) -> stat.Panel:
    """The current value. It is red from `warn` on, or below `low`. If the query has no result, the text is `none`."""
    panel = stat.Panel().title(title).description(description).datasource(SOURCE).unit(unit)
    panel = panel.span(width).height(NUMBER_HEIGHT).no_value(none).thresholds(_thresholds(warn, low))
    panel = panel.reduce_options(look.ReduceDataOptions().calcs(["lastNotNull"]))
    panel = panel.graph_mode(common.BigValueGraphMode.AREA).color_mode(common.BigValueColorMode.VALUE)
    (target,) = _targets((query,))
    return panel.with_target(target)


def states(title: str, description: str, query: Query, *shown: State, width: int = 24) -> statetimeline.Panel:
    """A bar over time for each series, in the color of its state."""
    mapped: list[ValueMapping] = [
        ValueMap({str(each.value): ValueMappingResult(text=each.text, color=each.color) for each in shown})
    ]
    panel = statetimeline.Panel().title(title).description(description).datasource(SOURCE)
    panel = panel.span(width).height(HEIGHT).mappings(mapped).merge_values(True).row_height(0.8)
    panel = panel.show_value(common.VisibilityMode.AUTO).fill_opacity(80).tooltip(_all_series())
    (target,) = _targets((query,))
    return panel.with_target(target)


def row(title: str) -> board.Row:
    """A heading for the panels that follow."""
    return board.Row(title)


def _targets(queries: tuple[Query, ...]) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + number)).range()
        for number, query in enumerate(queries)
    ]


def _thresholds(warn: float | None, low: float | None) -> board.ThresholdsConfig:
    steps = [Threshold(None, BLUE)]
    if warn is not None:
        steps = [Threshold(None, GREEN), Threshold(warn, RED)]
    elif low is not None:
        steps = [Threshold(None, RED), Threshold(low, GREEN)]
    return board.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _table() -> look.VizLegendOptions:
    """The series with their last and largest values, sorted by the largest value, so that zeros are at the end."""
    legend = look.VizLegendOptions().display_mode(common.LegendDisplayMode.TABLE).show_legend(True)
    legend = legend.placement(common.LegendPlacement.RIGHT).calcs(["lastNotNull", "max"])
    return legend.sort_by("Max").sort_desc(True)


def _all_series() -> look.VizTooltipOptions:
    return look.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
