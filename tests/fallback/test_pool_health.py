"""Reading the pool from a body of /health, and refusing any other body."""

from typing import Any, Final

import pytest

from fallback.pool_health import LARGEST_COUNT, PoolHealth, read_pool
from fallback.tickets import LoadStatus

POOL: Final = {"size": 3, "initial_size": LARGEST_COUNT, "status": "loaded", "low_watermark": 0}


def test_the_pool_is_read_and_unknown_fields_are_ignored() -> None:
    assert read_pool({"fallback_pool": {**POOL, "colour": "blue"}, "version": "9"}) == PoolHealth(
        3, LARGEST_COUNT, LoadStatus.LOADED, 0
    )


@pytest.mark.parametrize("size", [True, -1, LARGEST_COUNT + 1, 1.0, "1", None, []])
def test_an_implausible_count_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="not the health of this service"):
        read_pool({"fallback_pool": {**POOL, "size": size}})


@pytest.mark.parametrize("body", [None, [], "text", 3, {}, {"fallback_pool": None}, {"fallback_pool": {"size": 3}}])
def test_another_body_is_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="not the health of this service"):
        read_pool(body)
