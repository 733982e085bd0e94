"""The pool in the /health of a live process."""

from typing import Any, Final, NamedTuple

from fallback.tickets import LoadStatus

LARGEST_COUNT: Final = 10**15


class PoolHealth(NamedTuple):
    """The fields of `fallback_pool` in /health that every version of the service reports."""

    size: int
    initial_size: int
    status: LoadStatus
    low_watermark: int


def read_pool(body: Any) -> PoolHealth:
    """The pool in a parsed /health. Raises ValueError for anything else."""
    try:
        pool = body["fallback_pool"]
        return PoolHealth(
            plausible_count(pool["size"]),
            plausible_count(pool["initial_size"]),
            LoadStatus(pool["status"]),
            plausible_count(pool["low_watermark"]),
        )
    except (KeyError, TypeError, ValueError):
        raise ValueError("not the health of this service") from None


def plausible_count(value: Any) -> int:
    """The value, if it is a plausible count. Raises ValueError for anything else, including True and False."""
    if type(value) is not int or not 0 <= value <= LARGEST_COUNT:
        raise ValueError("not a count")
    return value
