"""The alert rules, their unit tests, and the runbook's sections about them."""

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.documents.bridge_metrics import bridge_exposition
from tests.documents.runbook import RUNBOOK, section
from tests.harness.paths import DEPLOY
from tests.http.session_events.asking import OPEN, service_with_policy

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed; on Debian, install the package prometheus"
)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("promtool") or "promtool", *arguments]
    return subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, timeout=110, check=False)  # noqa: S603


@pytest.mark.processes
@needs_promtool
def test_prometheus_can_load_the_alert_rules() -> None:
    ended = promtool("check", "rules", "alerts.yml")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "SUCCESS" in ended.stdout


@pytest.mark.processes
@needs_promtool
def test_the_alert_rules_pass_their_unit_tests() -> None:
    ended = promtool("test", "rules", "alerts_test.yml")

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "does not fire"])
def test_every_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_does_not(fires: bool) -> None:
    tests = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", ())]

    tried = {case["alertname"] for case in cases if bool(case["exp_alerts"]) is fires}

    assert tried == {rule["alert"] for rule in rules()}


def test_a_critical_alert_fires_only_after_its_condition_has_lasted_for_a_minute_or_more() -> None:
    critical = {rule["alert"]: rule.get("for") for rule in rules() if rule["labels"]["severity"] == "critical"}

    assert critical == {
        "RealtimeIdentityOutage": "1m", "RealtimeFallbackPoolExhausted": "1m", "RealtimeGone": "5m",
        "RealtimeBridgeFarBehind": "1m", "RealtimeBridgePartitionStopped": "1m", "RealtimeBridgeUnassigned": "2m",
        "RealtimeBridgeGone": "5m", "RealtimeBridgeKafkaOutage": "2m",
        "RealtimeClaimsDownInOutage": "1m",
        "RealtimeSvidExpiring": "1m", "RealtimePeerWrongId": "1m",
    }  # fmt: skip


async def exposition() -> str:
    """The metrics of a service that answers every event, and those of a bridge."""
    async with service_with_policy(OPEN, RPC_BACKENDS={"diary": "127.0.0.1:1"}) as running:
        return (await running.http.get("/metrics")).text + bridge_exposition()


async def test_the_alert_rules_and_their_tests_and_the_runbook_name_only_exported_series() -> None:
    text = await exposition()
    series = set(re.findall(r"^(realtime_\w+)", text, re.MULTILINE))

    for page in (DEPLOY / "alerts.yml", DEPLOY / "alerts_test.yml", RUNBOOK):
        named = set(
            re.findall(r"(?<!:)\brealtime_[a-z_]+\b(?!:)", page.read_text())
        )  # a name with a colon is a recording rule
        unknown = named - series - {re.sub(r"_(bucket|sum|count)$", "", name) for name in series}
        assert unknown == set(), page.name


async def test_every_label_value_in_the_alert_rules_is_exported() -> None:
    text = await exposition()

    for rule in rules():
        for label, values in re.findall(r'\b(\w+)=~?"([^"]+)"', rule["expr"]):
            missing = [value for value in values.split("|") if f'{label}="{value}"' not in text]
            assert missing == [], rule["alert"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_the_runbook_has_a_section_for_each_alert(rule: dict[str, Any]) -> None:
    assert section(f"### {rule['alert']}").strip()
    assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbook.md#{rule['alert'].lower()}")


def test_links_within_the_runbook_have_targets() -> None:
    text = RUNBOOK.read_text()
    anchors = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - anchors == set()
    assert all((RUNBOOK.parent / path).exists() for path in re.findall(r"\]\((\.\.[^)#]+)\)", text))
