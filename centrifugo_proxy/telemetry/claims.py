"""Counts and logs the results of claims on fallback tickets."""

import logging
import math
from collections.abc import Callable
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from common.repetition import Repetition
from fallback.checks import evicting_store
from fallback.claims.claims import Claims, ClaimsNotice, Conflict, Result, StoreDown, StoreEvicts, StoreUp

QUIET_S: Final = 10.0
BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CLAIMS: Final = Counter(
    "realtime_fallback_claims",
    "Claims on fallback tickets in the store of FALLBACK_CLAIMS_URL, by result. won: accepted. used: refused, because "
    "another process used the ticket. error: refused, because the store did not answer. local: accepted without the "
    "store. conflict: accepted without the store, and later the store showed that another process used the ticket too.",
    ["result"],
)
UP: Final = Gauge(
    "realtime_fallback_claims_up",
    "1 if the store of claims answers, 0 if it does not. NaN if no store is configured, and until the first answer or "
    "failure of the store.",
)
DURATION: Final = Histogram(
    "realtime_fallback_claim_duration_seconds",
    "Seconds that the store took for a claim, including claims without an answer.",
    buckets=BUCKETS,
)
results: Final = {result: CLAIMS.labels(result.value) for result in Result}
UP.set(math.nan)

logger = logging.getLogger("centrifugo_proxy")


class ClaimsTelemetry:
    """An `Observer` of claims. It logs each kind of notice at most once in ten seconds, with the number of notices."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._repetition = Repetition(QUIET_S)

    def claimed(self, result: Result, seconds: float | None) -> None:
        results[result].inc()
        if seconds is not None:
            DURATION.observe(seconds)

    def noticed(self, notice: ClaimsNotice) -> None:
        if count := self._repetition.due(type(notice).__name__, self._monotonic()):
            level, message, fields = _line(notice)
            logger.log(level, message, extra={**fields, "count": count})


def watch(claims: Claims) -> None:
    """Let the gauge read the state of these claims at each scrape."""
    UP.set_function(lambda: _up(claims.state().up))


def _up(up: bool | None) -> float:
    return math.nan if up is None else float(up)


def _line(notice: ClaimsNotice) -> tuple[int, str, dict[str, Any]]:
    """Level, message and fields."""
    match notice:
        case StoreDown(kind, reason, on_error):
            fields = {"store": str(kind), "reason": reason, "on_error": str(on_error)}
            return logging.WARNING, "the store of fallback claims does not answer", fields
        case StoreUp(kind, unsent):
            return logging.INFO, "the store of fallback claims answers again", {"store": str(kind), "unsent": unsent}
        case Conflict(conflicts):
            message = "a fallback ticket was accepted while the store of claims was down; another process used it too"
            return logging.WARNING, message, {"conflicts": conflicts}
        case StoreEvicts(policy):
            warning = evicting_store(policy)
            return logging.WARNING, f"{warning.id}: {warning.msg} {warning.hint}", {}
