"""Draws a dashboard with the data that Prometheus has for it. `make pictures` runs the tests with DRAW_DASHBOARDS=1."""

import os
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from tests.harness.dashboards import PanelQuery, dashboards, queries_of
from tests.harness.paths import DOCS
from tests.harness.prometheus import Series

Answers = Callable[[PanelQuery], list[Series]]

WANTED: Final = bool(os.environ.get("DRAW_DASHBOARDS"))
FOLDER: Final = DOCS / "dashboards"
INCHES: Final = {"width": 0.6, "height": 0.3}  # for each cell of the grid
LEGEND: Final = 6  # a legend names at most this many series, those with the highest peaks


def draw(uid: str, answers: Answers, over: tuple[float, float]) -> None:
    """Draw the dashboard into docs/dashboards. `over` is the start and the end of the time axis, in Unix seconds."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (only installed by make pictures)

    panels = dashboards()[uid]["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = Figure(figsize=(24 * INCHES["width"], rows * INCHES["height"]), facecolor="white")
    for panel in panels:
        _draw_panel(figure, panel, rows, answers, over)
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / f"{uid.removeprefix('realtime-')}.png", dpi=80)


def _draw_panel(figure: Any, panel: dict[str, Any], rows: int, answers: Answers, over: tuple[float, float]) -> None:
    place = panel["gridPos"]
    left, bottom = place["x"] / 24, 1 - (place["y"] + place["h"]) / rows
    width, height = place["w"] / 24, place["h"] / rows
    if panel["type"] == "row":
        figure.text(left + 0.005, bottom + height * 0.2, panel["title"], fontsize=11, fontweight="bold")
        return
    figure.text(left + 0.008, bottom + height - 0.75 / rows, panel["title"], fontsize=8.5, color="#333333")
    cell = (left + 0.035, bottom + 1.1 / rows, width - 0.045, height - 2.4 / rows)
    series = [(query, answers(query)) for query in queries_of("", panel)]
    drawing = {"stat": _number, "heatmap": _heat, "state-timeline": _states}.get(panel["type"], _curves)
    axes = figure.add_axes(cell)
    drawing(axes, panel, [(_name(query, each), each) for query, many in series for each in many])
    _finish(axes, over)


def _name(query: PanelQuery, series: Series) -> str:
    """The legend of a series."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series.labels.get(found[1], ""), query.legend)


def _times(series: Series) -> list[float]:
    return [time for time, _ in series.samples]


def _curves(axes: Any, panel: dict[str, Any], named: list[tuple[str, Series]]) -> None:
    largest = {name for name, each in sorted(named, key=lambda each: -each[1].peak)[:LEGEND] if each.peak > 0}
    for name, series in named:
        axes.plot(_times(series), series.values, linewidth=1, label=name if name in largest else None)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(panel["fieldConfig"]["defaults"].get("unit", "").replace("short", ""), fontsize=6)
    if largest:
        axes.legend(fontsize=5.5, loc="upper left", frameon=False)


def _heat(axes: Any, panel: dict[str, Any], named: list[tuple[str, Series]]) -> None:
    """The observations of each bucket, without those of smaller buckets."""
    ordered = sorted((series for _, series in named), key=lambda each: float(each.labels["le"]))
    times = sorted({time for series in ordered for time in _times(series)})
    counts = [[dict(series.samples).get(time, 0.0) for time in times] for series in ordered]
    own = [
        counts[0],
        *([b - a for a, b in zip(low, high, strict=True)] for low, high in pairwise(counts)),
    ]
    axes.pcolormesh(times, range(len(ordered)), own, cmap="Oranges", shading="nearest")
    axes.set_yticks(range(0, len(ordered), 3), [series.labels["le"] for series in ordered[::3]])


def _states(axes: Any, panel: dict[str, Any], named: list[tuple[str, Series]]) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415

    shown = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    for number, (_, series) in enumerate(named):
        for time, value in series.samples:
            axes.barh(number, 1.02, left=time, color=shown[f"{value:.0f}"]["color"], height=0.7)
    axes.set_yticks(range(len(named)), [name for name, _ in named])
    patches = [Patch(color=each["color"], label=each["text"]) for each in shown.values()]
    axes.legend(handles=patches, fontsize=5.5, ncols=len(patches), loc="upper left", frameon=False)
    axes.set_ylim(-0.6, len(named) + 0.2)


def _number(axes: Any, panel: dict[str, Any], named: list[tuple[str, Series]]) -> None:
    """The last values. A query without a result shows the panel's text for no value."""
    defaults = panel["fieldConfig"]["defaults"]
    values = [(name, series.values[-1]) for name, series in named]
    text = "  ".join(_formatted(value, defaults["unit"]) for _, value in values) or defaults["noValue"]
    axes.text(0.5, 0.5, text, fontsize=15, ha="center", va="center", color="#1f60c4")
    axes.axis("off")


def _formatted(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.1%}"
    number = f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.2g}"
    return number + {"short": ""}.get(unit, f" {unit}")


def _finish(axes: Any, over: tuple[float, float]) -> None:
    """Give the panel the common time axis, in seconds from its start."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator  # noqa: PLC0415

    if not axes.axison:
        return
    axes.set_xlim(over)
    axes.xaxis.set_major_locator(MultipleLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: f"{time - over[0]:.0f} s"))
    axes.tick_params(labelsize=6, length=2)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)
