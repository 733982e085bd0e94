"""The combined state of the pods of a fleet."""

from typing import Any

import pytest

from centrifugo_proxy.fleet.pod import Pod
from centrifugo_proxy.fleet.report import Fleet, as_json, verdict
from centrifugo_proxy.fleet.table import HEAD, duration, plain, rows
from common.exit_codes import PluginState
from tests.centrifugo_proxy.fleet.health import a_pod, silent_pod
from tests.documents.runbook import assert_as_documented

HEALTHY = a_pod()
A, B, C = (f"http://10.0.0.{number}:9730" for number in (1, 2, 3))
REDIS = {"store": "redis", "up": True, "used": 2, "on_error": "refuse"}
FILE = {**REDIS, "store": "file"}
DOWN = {**REDIS, "up": False}


@pytest.mark.parametrize(
    ("pods", "state"),
    [
        ([HEALTHY], PluginState.OK),
        ([HEALTHY, silent_pod()], PluginState.WARNING),
        ([HEALTHY, silent_pod(resolved=False)], PluginState.WARNING),
        ([a_pod(ready=False)], PluginState.WARNING),
        ([HEALTHY._replace(ready=None)], PluginState.WARNING),
        ([a_pod(degraded=True)], PluginState.WARNING),
        ([a_pod(recovering=True)], PluginState.WARNING),
        ([a_pod(size=4)], PluginState.WARNING),
        ([a_pod(size=0)], PluginState.WARNING),
        ([a_pod(size=0, recovering=True)], PluginState.WARNING),
        ([HEALTHY, a_pod(size=0, degraded=True)], PluginState.CRITICAL),
        ([a_pod(claims=DOWN)], PluginState.WARNING),
        ([a_pod(claims=DOWN, degraded=True)], PluginState.CRITICAL),
        ([a_pod(claims={**DOWN, "on_error": "local"}, degraded=True)], PluginState.WARNING),
        ([a_pod(claims={**REDIS, "up": None}, degraded=True)], PluginState.WARNING),
        ([silent_pod()], PluginState.CRITICAL),
        ([silent_pod(), silent_pod(resolved=False)], PluginState.CRITICAL),
        ([silent_pod(resolved=False)], PluginState.UNKNOWN),
        ([], PluginState.UNKNOWN),
    ],
)
def test_the_fleet_has_the_state_of_its_worst_pod_if_any_pod_answers(pods: list[Pod], state: PluginState) -> None:
    assert Fleet(tuple(pods)).state is state


@pytest.mark.parametrize(
    ("first", "second", "tickets"),
    [
        ({}, {}, 7 + 5),
        ({"claims": REDIS}, {"claims": REDIS}, 7),
        ({"claims": REDIS}, {}, 7 + 5),
        ({"claims": FILE}, {"claims": FILE}, 7 + 5),
        ({"claims": {**REDIS, "store": "none"}}, {"claims": {**REDIS, "store": "none"}}, 7 + 5),
    ],
)
def test_tickets_that_pods_share_are_counted_once(first: dict[str, Any], second: dict[str, Any], tickets: int) -> None:
    fleet = Fleet((a_pod(A, size=7, **first), a_pod(B, size=5, **second), silent_pod(C)))

    assert fleet.tickets == tickets


def test_processes_on_one_machine_share_the_tickets_of_a_claims_file() -> None:
    fleet = Fleet((a_pod("http://10.0.0.1:9730", claims=FILE), a_pod("http://10.0.0.1:9731", claims=FILE)))

    assert fleet.tickets == 7


def test_the_time_until_a_pods_own_pool_is_empty_follows_from_its_own_rate() -> None:
    fast, slow, unused = a_pod(A, consumed_per_s=2.0), a_pod(B, consumed_per_s=0.5), a_pod(C)
    fleet = Fleet((fast, slow, unused))

    assert [fleet.empty_in_s(pod) for pod in fleet.pods] == [3.5, 14.0, None]


def test_the_time_until_a_shared_pool_is_empty_follows_from_the_sum_of_the_rates() -> None:
    fleet = Fleet((a_pod(A, consumed_per_s=2.0, claims=REDIS), a_pod(B, consumed_per_s=0.5, claims=REDIS)))

    assert [fleet.empty_in_s(pod) for pod in fleet.pods] == [2.8, 2.8]


@pytest.mark.parametrize("claims", [None, REDIS])
def test_the_time_left_is_zero_for_an_empty_pool_and_unknown_for_a_missing_one(claims: dict[str, Any] | None) -> None:
    fleet = Fleet((a_pod(A, size=0, claims=claims), a_pod(B, size=0, pool_status="missing", claims=claims)))

    assert [fleet.empty_in_s(pod) for pod in fleet.pods] == [0.0, None]


def test_the_json_output_has_the_fields_that_the_runbook_lists() -> None:
    full = a_pod(A, degraded=True, claims=REDIS, since="2026-11-24T02:10:07.339Z", recovering=False)
    bare = a_pod(C, consumed_per_s=1.0, last_failure_age_s=1.5, last_answer_age_s=0.5)

    assert_as_documented(as_json(Fleet((full, silent_pod(B), bare))), "### pods --json")


def test_in_json_the_unknown_fields_of_a_silent_pod_are_null() -> None:
    [pod] = as_json(Fleet((silent_pod(),)))["pods"]

    assert pod == {
        "url": "http://10.0.0.2:9730",
        "answered": False,
        "error": "no answer",
        "version": None,
        "ready": None,
        "status": None,
        "identity_outage": None,
        "fallback_pool": None,
        "connects_per_s": None,
        "empty_in_s": None,
    }


def test_the_verdict_counts_each_problem() -> None:
    fleet = Fleet((HEALTHY, silent_pod(), a_pod(ready=False, degraded=True, size=0), a_pod(recovering=True)))

    assert verdict(fleet) == (
        "PODS CRITICAL: 3 of 4 pods answer, 1 not ready, 1 in an outage, 1 recovering, 1 short of tickets."
    )


def test_the_table_has_a_row_for_each_pod_and_a_row_with_the_sums() -> None:
    outage = a_pod(A, degraded=True, since="2026-11-24T02:10:07.339Z", size=4, consumed_per_s=2.0)
    fleet = Fleet((outage, silent_pod(B), a_pod(C, ready=False, consecutive_failure_count=3)))

    assert list(plain([HEAD, *rows(fleet)])) == [
        "pod            version     ready  outage           tickets  connects/s                               empty in",
        "10.0.0.1:9730  1.2.3       yes    since 02:10:07Z  4/9 LOW  2.0 fallback_pool_consumed, 1.0 success  2 s",
        "10.0.0.2:9730  ?           ?      ?                ?        ?                                        ?",
        "10.0.0.3:9730  1.2.3       NO     failing (3)      7/9      1.0 success                              -",
        "sum            2 answered                          11       2.0 success, 2.0 fallback_pool_consumed",
    ]


def test_a_claims_store_that_is_down_is_shown_beside_the_tickets_and_counted_in_the_verdict() -> None:
    fleet = Fleet((a_pod(A, claims=DOWN, size=4, degraded=True), a_pod(B, claims=REDIS)))

    assert [row[HEAD.index("tickets")] for row in rows(fleet)] == ["4/9 LOW CLAIMS DOWN", "7/9", "7"]
    assert verdict(fleet) == (
        "PODS CRITICAL: 2 of 2 pods answer, 1 in an outage, 1 short of tickets, 1 with claims down."
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0.4, "0 s"), (59.9, "59 s"), (250, "4 min 10 s"), (11100, "3 h 5 min")]
)
def test_a_duration_is_shown_in_at_most_two_units(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown
