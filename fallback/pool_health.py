"""The pool in the /health of a live process."""

from typing import Any, NamedTuple

from common.health_values import optional_text, optional_value, plausible_count, short_text
from fallback.claims.claims import OnError
from fallback.tickets import LoadStatus


class ClaimsHealth(NamedTuple):
    """`fallback_pool.claims` of /health: where used tickets are recorded for several processes."""

    store: str
    up: bool | None
    used: int | None
    on_error: str | None

    @property
    def refuses(self) -> bool:
        """True if the store does not answer, and therefore no ticket is accepted."""
        return self.up is False and self.on_error == OnError.REFUSE


class PoolHealth(NamedTuple):
    """`fallback_pool` of /health; `claims` is None for a version that does not report it."""

    size: int
    initial_size: int
    status: LoadStatus
    low_watermark: int
    claims: ClaimsHealth | None

    @property
    def claims_down(self) -> bool:
        """True if the store of claims does not answer the process."""
        return self.claims is not None and self.claims.up is False

    @property
    def accepts_none(self) -> bool:
        """True if no ticket would be accepted now, even in an outage."""
        return self.size == 0 or (self.claims is not None and self.claims.refuses)


def read_pool(body: Any) -> PoolHealth:
    """The pool in the parsed body of /health. Raises ValueError for another body. Unknown fields are ignored."""
    try:
        pool = body["fallback_pool"]
        return PoolHealth(
            plausible_count(pool["size"]),
            plausible_count(pool["initial_size"]),
            LoadStatus(pool["status"]),
            plausible_count(pool["low_watermark"]),
            _claims(pool.get("claims")),
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("not the health of this service") from None


def _claims(claims: Any) -> ClaimsHealth | None:
    if claims is None:
        return None
    used = claims["used"]
    return ClaimsHealth(
        short_text(claims["store"]),
        optional_value(bool, claims["up"]),
        None if used is None else plausible_count(used),
        optional_text(claims["on_error"]),
    )
