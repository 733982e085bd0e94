"""The changes between two readings of the service's metrics, which the page shows."""

import pytest

from centrifugo_proxy.telemetry.metrics import PROXY_OUTCOMES
from demo.web.readings import GROUPS, Reading, between, quantile, read
from tests.harness.identity import IdentityStub
from tests.harness.service import service

INFINITE = float("inf")


async def test_connects_and_identitys_calls_are_counted_between_two_readings(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        before = read((await running.http.get("/metrics")).text)
        await running.connect("a-ticket")
        await running.connect("")
        after = read((await running.http.get("/metrics")).text)

    sample = between(before, after)
    assert sample["outcomes"] == {"in": 1, "fallback": 0, "later": 0, "refused": 1}
    assert (sample["events"], sample["answered"], sample["unanswered"]) == (0, 1, 0)
    assert 0 < sample["p50_ms"] <= sample["p95_ms"]


async def test_calls_without_an_answer_are_counted_separately() -> None:
    async with service("127.0.0.1:1") as running:
        before = read((await running.http.get("/metrics")).text)
        await running.connect("a-ticket")
        after = read((await running.http.get("/metrics")).text)

    sample = between(before, after)
    assert sample["outcomes"] == {"in": 0, "fallback": 0, "later": 1, "refused": 0}
    assert (sample["answered"], sample["unanswered"]) == (0, 1)


def test_without_a_connect_there_is_no_latency() -> None:
    same = Reading(dict.fromkeys(GROUPS, 3), ((0.1, 2), (INFINITE, 3)), events=1, answered=3, unanswered=0)

    sample = between(same, same)

    assert (sample["p50_ms"], sample["p95_ms"]) == (None, None)


def test_every_outcome_that_a_client_can_get_is_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    # A cancelled caller has hung up. Only events other than connect can be not_implemented.
    left_out = {"cancelled", "not_implemented"}

    assert sorted(grouped) == sorted(set(PROXY_OUTCOMES["connect"]) - left_out)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 0.01), (0.75, 0.055), (0.95, 0.091), (0.25, 0.005)],
)
def test_quantiles_are_interpolated_within_a_bucket(share: float, expected: float) -> None:
    buckets = [(0.01, 10), (0.1, 20), (INFINITE, 20)]

    assert quantile(share, buckets) == pytest.approx(expected)


def test_a_quantile_above_the_last_finite_bound_is_that_bound() -> None:
    assert quantile(0.95, [(0.01, 1), (INFINITE, 20)]) == 0.01
