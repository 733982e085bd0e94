"""The files in deploy/grafana."""

import re
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.documents.test_alerts import exposition, rules
from tests.harness.dashboards import GRAFANA, dashboards, panels, queries
from tools.dashboards.rendering import rendered

EVERY = dashboards()


def test_the_files_are_what_the_command_make_dashboards_writes() -> None:
    committed = {path.name: path.read_text() for path in GRAFANA.glob("*.json")}

    assert committed == rendered()


def test_the_kustomization_lists_every_dashboard_and_sets_the_label_of_grafanas_sidecar() -> None:
    kustomization = yaml.safe_load((GRAFANA / "kustomization.yaml").read_text())

    assert sorted(kustomization["configMapGenerator"][0]["files"]) == sorted(
        path.name for path in GRAFANA.glob("*.json")
    )
    assert kustomization["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}


@pytest.mark.parametrize("uid", EVERY)
def test_panels_have_different_places_and_a_description(uid: str) -> None:
    every = panels(EVERY[uid])

    places = [place for panel in every for place in covered(panel["gridPos"])]

    assert len(set(places)) == len(places)
    assert max(column for column, _ in places) < 24
    assert [panel["title"] for panel in every if not panel["description"]] == []
    assert len({panel["title"] for panel in every}) == len(every)


def covered(position: dict[str, int]) -> list[tuple[int, int]]:
    columns = range(position["x"], position["x"] + position["w"])
    rows = range(position["y"], position["y"] + position["h"])
    return [(column, row) for column in columns for row in rows]


async def test_the_panels_use_only_exported_series_and_show_every_metric() -> None:
    families = list(text_string_to_metric_families(await exposition()))
    series = {sample.name for family in families for sample in family.samples if sample.name.startswith("realtime_")}
    asked = {name for query in queries() for name in query.metrics}

    assert asked - series == set()
    shown = {family_of(name) for name in asked}
    assert {family_of(name) for name in series} - shown == set()


def family_of(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_links_to_a_dashboard_that_shows_its_metrics(rule: dict[str, Any]) -> None:
    address, _, uid = rule["annotations"]["dashboard"].rpartition("/d/")
    looked_at = set(re.findall(r"(?<!:)\brealtime_[a-z_]+\b(?!:)", rule["expr"]))

    shown = {name for query in queries() if query.dashboard == uid for name in query.metrics}

    assert address == "https://grafana.example.org"
    assert looked_at
    assert looked_at - shown == set()
