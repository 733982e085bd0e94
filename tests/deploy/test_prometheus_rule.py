"""The alerts and dashboards of the overlays are those of deploy/alerts.yml and deploy/grafana."""

import json

import pytest
import yaml

from tests.deploy.manifests import Manifests
from tests.harness.paths import DEPLOY
from tools.prometheus_rule import RULE, prometheus_rule


def test_the_manifest_is_up_to_date_with_the_alert_rules() -> None:
    alerts = (DEPLOY / "alerts.yml").read_text()

    assert RULE.read_text() == prometheus_rule(alerts), "run make prometheus-rule"


def test_the_manifest_keeps_comments_and_does_not_indent_blank_lines() -> None:
    made = prometheus_rule("# Rules.\ngroups:\n  # One.\n  - name: one\n\n    rules: []\n")

    assert made.endswith("spec:\n  groups:\n    # One.\n    - name: one\n\n      rules: []\n")


def test_a_file_of_alert_rules_without_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="no line `groups:`"):
        prometheus_rule("# Rules.\nrules: []\n")


@pytest.mark.processes
def test_the_overlays_have_the_same_groups_of_alert_rules(overlay: Manifests) -> None:
    groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]

    assert overlay.one("PrometheusRule", "realtime")["spec"] == {"groups": groups}


@pytest.mark.processes
def test_the_overlays_have_every_dashboard(overlay: Manifests) -> None:
    [dashboards] = [each for each in overlay.of("ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]]

    written = {path.name: json.loads(path.read_text()) for path in (DEPLOY / "grafana").glob("*.json")}
    assert {name: json.loads(text) for name, text in dashboards["data"].items()} == written
    assert written
    assert sum(map(len, dashboards["data"].values())) < 1_000_000  # a ConfigMap holds 1 MiB
