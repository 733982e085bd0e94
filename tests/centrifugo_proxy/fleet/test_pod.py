"""Parsing a pod's answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.fleet.pod import Outage, Scrape, rates, read_health, read_scrape
from fallback.pool_health import ClaimsHealth
from tests.centrifugo_proxy.fleet.health import health_body
from tests.harness.service import service

OUTAGE, POOL = (health_body()[name] for name in ("identity_outage", "fallback_pool"))
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def test_fields_that_an_older_version_does_not_send_are_none() -> None:
    health = read_health(health_body())

    assert health.identity_outage == Outage(False, 0, None, None, None, None)
    assert health.fallback_pool.claims is None


def test_fields_that_only_newer_versions_send_are_read() -> None:
    claims = {"store": "redis", "up": True, "used": 3, "on_error": "refuse"}

    health = read_health(health_body(claims=claims, recovering=True, last_failure_age_s=2, last_answer_age_s=0.5))

    assert health.identity_outage == Outage(False, 0, None, True, 2.0, 0.5)
    assert health.fallback_pool.claims == ClaimsHealth("redis", True, 3, "refuse")


async def test_the_health_page_of_this_version_is_understood() -> None:
    async with service(tickets=["a", "b"]) as running:
        health = read_health((await running.http.get("/health")).json())

    assert (health.status, health.fallback_pool.size) == ("ok", 2)


@pytest.mark.parametrize("field", ["status", "version", "identity_outage", "fallback_pool"])
@given(value=SHAPES)
def test_an_invalid_value_in_a_field_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match="not the health of this service"):
        read_health({**health_body(), field: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "v" * 65},
        {"identity_outage": {**OUTAGE, "since": "2026" * 20}},
        {"identity_outage": {**OUTAGE, "consecutive_failure_count": -1}},
        {"identity_outage": {**OUTAGE, "consecutive_failure_count": 10**4000}},
        {"identity_outage": {**OUTAGE, "recovering": 1}},
        {"identity_outage": {**OUTAGE, "last_failure_age_s": float("inf")}},
        {"identity_outage": {**OUTAGE, "last_answer_age_s": 10**4000}},
        {"fallback_pool": {**POOL, "size": -5}},
        {"fallback_pool": {**POOL, "claims": {"store": "redis", "up": True, "used": -1, "on_error": "refuse"}}},
    ],
)
def test_an_implausible_value_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not the health of this service"):
        read_health({**health_body(), **changes})


async def test_the_metrics_page_of_this_version_is_understood() -> None:
    async with service() as running:
        await running.connect(None)
        scrape = read_scrape(1.0, (await running.http.get("/metrics")).content)

    assert scrape.connects["invalid_ticket"] >= 1
    assert {"success", "fallback_pool_consumed", "unavailable"} < scrape.connects.keys()


@pytest.mark.parametrize(
    "page",
    [
        b"up 1\n",
        b'realtime_centrifugo_connect_total{outcome="success"} 1e+999\n',
        b"".join(
            b'realtime_centrifugo_connect_total{outcome="%b"} 1\n' % (b"a" * (1 + i % 35) + b"b" * (i // 35))
            for i in range(70)
        ),
    ],
)
def test_a_metrics_page_without_plausible_connect_counters_is_refused(page: bytes) -> None:
    with pytest.raises(ValueError, match="not the metrics"):
        read_scrape(1.0, page)


def test_large_counters_in_scientific_notation_are_read() -> None:
    scrape = read_scrape(1.0, b'realtime_centrifugo_connect_total{outcome="success"} 1.2345678e+07\n')

    assert scrape.connects == {"success": 12345678.0}


def test_a_rate_is_the_increase_per_second_between_two_scrapes() -> None:
    assert rates(Scrape(10.0, {"success": 4}), Scrape(12.0, {"success": 7, "cancelled": 1})) == {
        "success": 1.5,
        "cancelled": 0.5,
    }


def test_the_rates_are_unknown_if_the_pod_restarted_between_two_scrapes() -> None:
    assert rates(Scrape(10.0, {"success": 4}), Scrape(11.0, {"success": 3})) is None
