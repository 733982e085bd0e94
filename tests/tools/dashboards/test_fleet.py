"""The queries about several processes, with made-up series."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.documents.test_alerts import needs_promtool, promtool
from tests.harness.dashboards import queries
from tests.harness.samples import CONSUMED

pytestmark = [pytest.mark.processes, needs_promtool]

NAN: Final = "NaN NaN NaN NaN NaN NaN NaN NaN NaN"
SIZE, WATERMARK = "realtime_fallback_pool_size", "realtime_fallback_pool_low_watermark"
DISABLED, CLAIMS_UP = 'realtime_fallback_pool_status{status="disabled"}', "realtime_fallback_claims_up"
DEGRADED, RECOVERING = "realtime_identity_outage_degraded", "realtime_identity_outage_recovering"
FAILURES = "realtime_identity_outage_consecutive_failures"
Fleet = dict[str, dict[str, str]]

# For each process, the values of its series every 15 seconds, in promtool's notation: "0+15x8" is 0, 15, 30, …, 120.
OWN_POOLS: Fleet = {
    "a": {SIZE: "200-15x8", DISABLED: "0x8", CLAIMS_UP: NAN, CONSUMED: "0+15x8"},
    "b": {SIZE: "90x8", DISABLED: "0x8", CLAIMS_UP: NAN, CONSUMED: "7x8"},
    "without a pool": {SIZE: "0x8", DISABLED: "1x8", CLAIMS_UP: NAN, CONSUMED: "0x8"},
}
RESTARTED: Fleet = {"a": {SIZE: "50x8", DISABLED: "0x8", CLAIMS_UP: NAN, CONSUMED: "100 115 130 145 160 15 30 45 60"}}
SHARED: Fleet = {
    "a": {SIZE: "100x8", DISABLED: "0x8", CLAIMS_UP: "1x8", CONSUMED: "0+15x8"},
    "b": {SIZE: "98x8", DISABLED: "0x8", CLAIMS_UP: "0x8", CONSUMED: "0+15x8"},
}
LOW: Fleet = {
    "low": {SIZE: "5x8", WATERMARK: "10x8", DISABLED: "0x8"},
    "at the watermark": {SIZE: "10x8", WATERMARK: "10x8", DISABLED: "0x8"},
    "without a pool": {SIZE: "0x8", WATERMARK: "1000x8", DISABLED: "1x8"},
}
NO_POOL: Fleet = {"a": {SIZE: "0x8", WATERMARK: "1000x8", DISABLED: "1x8"}}
MISSING: Fleet = {"a": {SIZE: "0x8", DISABLED: "0x8", CLAIMS_UP: NAN, CONSUMED: "0x8"}}
LOADED: Final = 'realtime_fallback_pool_status{status="loaded"}'
USED_UP: Fleet = {
    "used up": {SIZE: "0x8", DISABLED: "0x8", LOADED: "1x8", CLAIMS_UP: NAN, CONSUMED: "60x8"},
    "unused": {SIZE: "60x8", DISABLED: "0x8", LOADED: "1x8", CLAIMS_UP: NAN, CONSUMED: "0x8"},
}
SHARED_USED_UP: Fleet = {"a": {SIZE: "0x8", DISABLED: "0x8", LOADED: "1x8", CLAIMS_UP: "1x8", CONSUMED: "60x8"}}
STATES: Fleet = {
    "healthy": {DEGRADED: "0x8", RECOVERING: "0x8", FAILURES: "0x8"},
    "failing": {DEGRADED: "0x8", RECOVERING: "0x8", FAILURES: "2x8"},
    "recovering": {DEGRADED: "0x8", RECOVERING: "1x8", FAILURES: "9x8"},
    "degraded": {DEGRADED: "1x8", RECOVERING: "0x8", FAILURES: "9x8"},
}
SPIFFE: Fleet = {
    "with": {"realtime_svid_expiry_timestamp_seconds": "3600x8"},
    "without": {"realtime_svid_expiry_timestamp_seconds": "0x8"},
}
IDLE: Fleet = {
    "a": {
        'realtime_proxy_duration_seconds_bucket{type="connect", le="0.5"}': "9x8",
        'realtime_proxy_duration_seconds_bucket{type="connect", le="+Inf"}': "9x8",
        'realtime_proxy_duration_seconds_count{type="connect"}': "9x8",
        'realtime_centrifugo_connect_total{outcome="success"}': "9x8",
    }
}


@pytest.mark.parametrize(
    ("fleet", "dashboard", "panel", "shown"),
    [
        (OWN_POOLS, "identity-outage", "Tickets left in total", {"": 80 + 90}),
        (OWN_POOLS, "identity-outage", "Time to empty", {"a": 80}),
        (RESTARTED, "identity-outage", "Time to empty", {"a": 50}),
        (SHARED, "identity-outage", "Tickets left in total", {"": 100}),
        (SHARED, "identity-outage", "Time to empty", {"a": 50, "b": 49}),
        (LOW, "identity-outage", "Below the watermark", {"": 1}),
        (NO_POOL, "identity-outage", "Below the watermark", {}),
        (MISSING, "identity-outage", "Tickets left in total", {"": 0}),
        (MISSING, "identity-outage", "Time to empty", {}),
        (USED_UP, "identity-outage", "Time to empty", {"used up": 0}),
        (USED_UP, "identity-outage", "Empty in", {"": 0}),
        (SHARED_USED_UP, "identity-outage", "Time to empty", {"a": 0}),
        (STATES, "identity-outage", "Outage by process", {"healthy": 0, "failing": 1, "recovering": 2, "degraded": 3}),
        (SPIFFE, "identity-outage", "SVID expires in", {"with": 3480}),
        (IDLE, "connects", "99 % faster than", {}),
        (IDLE, "connects", "Accepted", {}),
    ],
)
def test_a_panel_shows_the_right_values_for_a_fleet(
    fleet: Fleet, dashboard: str, panel: str, shown: dict[str, float], tmp_path: Path
) -> None:
    [query] = [each for each in queries() if (each.dashboard, each.panel) == (f"realtime-{dashboard}", panel)]
    expr = query.filled("realtime", rate_interval="1m", over="1h")
    samples = [{"labels": f'{{instance="{name}"}}' if name else "{}", "value": value} for name, value in shown.items()]
    case = {"expr": expr, "eval_time": "2m", "exp_samples": samples}
    test = {"interval": "15s", "input_series": series_of(fleet), "promql_expr_test": [case]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))

    ended = promtool("test", "rules", str(tmp_path / "test.yml"))

    assert ended.returncode == 0, ended.stdout + ended.stderr


def series_of(fleet: Fleet) -> list[dict[str, Any]]:
    return [
        {"series": labelled(series, process), "values": values}
        for process, each in fleet.items()
        for series, values in each.items()
    ]


def labelled(series: str, process: str) -> str:
    """The series with the labels of a scrape."""
    name, _, labels = series.rstrip("}").partition("{")
    return f'{name}{{job="realtime", instance="{process}"{", " if labels else ""}{labels}}}'
