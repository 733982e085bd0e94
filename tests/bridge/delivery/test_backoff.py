"""The delays between attempts."""

import pytest

from bridge.delivery.backoff import Backoff

BACKOFF = Backoff(minimum_s=0.1, maximum_s=5.0)


@pytest.mark.parametrize(
    ("failures", "spread", "delay_s"),
    [(1, 0.0, 0.1), (2, 0.0, 0.2), (3, 0.5, 0.6), (3, -0.5, 0.2), (6, 0.0, 3.2), (7, 0.0, 5.0), (7, -0.5, 2.5)],
)
def test_the_delay_doubles_with_each_failure_and_varies_by_the_spread(
    failures: int, spread: float, delay_s: float
) -> None:
    assert BACKOFF.delay_s(failures, spread) == pytest.approx(delay_s)


@pytest.mark.parametrize("failures", [8, 100, 1_000_000])
def test_no_delay_is_longer_than_the_maximum(failures: int) -> None:
    assert BACKOFF.delay_s(failures, 0.5) == 5.0
