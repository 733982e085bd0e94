"""Reading the pool from a body of /health, and refusing any other body."""

from typing import Any, Final

import pytest

from common.health_values import LARGEST_COUNT
from fallback.pool_health import ClaimsHealth, PoolHealth, read_pool
from fallback.tickets import LoadStatus

POOL: Final = {"size": 3, "initial_size": LARGEST_COUNT, "status": "loaded", "low_watermark": 0}


def test_the_pool_is_read_and_unknown_fields_are_ignored() -> None:
    assert read_pool({"fallback_pool": {**POOL, "colour": "blue"}, "version": "9"}) == PoolHealth(
        3, LARGEST_COUNT, LoadStatus.LOADED, 0, None
    )


@pytest.mark.parametrize(
    ("up", "on_error", "size", "down", "accepts_none"),
    [
        (True, "refuse", 3, False, False),
        (True, "refuse", 0, False, True),
        (False, "refuse", 3, True, True),
        (False, "local", 3, True, False),
        (None, None, 3, False, False),
    ],
)
def test_a_pool_whose_claims_are_down_accepts_no_ticket_if_on_error_is_refuse(
    up: bool | None, on_error: str | None, size: int, down: bool, accepts_none: bool
) -> None:
    claims = {"store": "redis", "up": up, "used": 2, "on_error": on_error}

    pool = read_pool({"fallback_pool": {**POOL, "size": size, "claims": claims}})

    assert pool.claims == ClaimsHealth("redis", up, 2, on_error)
    assert (pool.claims_down, pool.accepts_none) == (down, accepts_none)


@pytest.mark.parametrize("size", [True, -1, LARGEST_COUNT + 1, 1.0, "1", None, []])
def test_an_implausible_count_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="not the health of this service"):
        read_pool({"fallback_pool": {**POOL, "size": size}})


@pytest.mark.parametrize(
    "claims",
    [
        {"store": None},
        {"store": "s" * 65},
        {"up": 1},
        {"up": "yes"},
        {"used": -1},
        {"on_error": 1},
        {"on_error": "r" * 65},
    ],
    ids=str,
)
def test_an_implausible_value_of_the_claims_is_refused(claims: dict[str, Any]) -> None:
    plausible = {"store": "redis", "up": True, "used": 2, "on_error": "refuse"}

    with pytest.raises(ValueError, match="not the health of this service"):
        read_pool({"fallback_pool": {**POOL, "claims": {**plausible, **claims}}})


@pytest.mark.parametrize("body", [None, [], "text", 3, {}, {"fallback_pool": None}, {"fallback_pool": {"size": 3}}])
def test_another_body_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="not the health of this service"):
        read_pool(body)
