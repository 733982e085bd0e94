"""The state of one pod, parsed from its HTTP answers."""

import math
import re
from typing import Any, Final, NamedTuple

from fallback.claims.claims import OnError
from fallback.pool_health import plausible_count, read_pool
from fallback.tickets import LoadStatus

CONNECTS: Final = re.compile(
    rb'^realtime_centrifugo_connect_total\{outcome="([a-z_]{1,64})"\} ([0-9.]+(?:e\+[0-9]+)?)$', re.MULTILINE
)
LONGEST_TEXT: Final = 64  # a version, a time or a word
MOST_OUTCOMES: Final = 64
CONSUMED: Final = "fallback_pool_consumed"


class Scrape(NamedTuple):
    """Connects by outcome since the process started, read at `at` (monotonic seconds)."""

    at: float
    connects: dict[str, float]


class Outage(NamedTuple):
    """`identity_outage` of /health; the last three are None for a version that does not report them."""

    degraded: bool
    consecutive_failure_count: int
    since: str | None
    recovering: bool | None
    last_failure_age_s: float | None
    last_answer_age_s: float | None


class Claims(NamedTuple):
    """`fallback_pool.claims` of /health: where used tickets are recorded for several processes."""

    store: str
    up: bool | None
    used: int | None
    on_error: str | None

    @property
    def refuses(self) -> bool:
        """True if no ticket is accepted because the store does not answer."""
        return self.up is False and self.on_error == OnError.REFUSE


class Pool(NamedTuple):
    """`fallback_pool` of /health; `claims` is None for a version that does not report it."""

    size: int
    initial_size: int
    status: LoadStatus
    low_watermark: int
    claims: Claims | None

    @property
    def claims_down(self) -> bool:
        """True if the store of claims does not answer the process."""
        return self.claims is not None and self.claims.up is False

    @property
    def accepts_none(self) -> bool:
        """True if no ticket would be accepted now, even in an outage."""
        return self.size == 0 or (self.claims is not None and self.claims.refuses)


class Health(NamedTuple):
    """The body of /health, validated."""

    status: str
    version: str
    identity_outage: Outage
    fallback_pool: Pool


class Pod(NamedTuple):
    """The state of one replica. `error` is None without an error; any other None means unknown.

    `resolved` is False if its host name did not resolve, so that no request was sent.
    """

    url: str
    error: str | None = None
    resolved: bool = True
    health: Health | None = None
    ready: bool | None = None
    connects_per_s: dict[str, float] | None = None

    @property
    def answered(self) -> bool:
        return self.health is not None

    @property
    def name(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]


def read_health(body: Any) -> Health:
    """The health in a parsed /health. Raises ValueError for anything else; unknown fields are ignored."""
    try:
        outage, pool = body["identity_outage"], body["fallback_pool"]
        return Health(
            _text(body["status"]),
            _text(body["version"]),
            Outage(
                _a(bool, outage["degraded"]),
                plausible_count(outage["consecutive_failure_count"]),
                _maybe_text(outage["since"]),
                _maybe(bool, outage.get("recovering")),
                _seconds(outage.get("last_failure_age_s")),
                _seconds(outage.get("last_answer_age_s")),
            ),
            Pool(*read_pool(body), _claims(pool.get("claims"))),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise ValueError("not the health of this service") from None


def _claims(claims: Any) -> Claims | None:
    if claims is None:
        return None
    return Claims(
        _text(claims["store"]),
        _maybe(bool, claims["up"]),
        None if claims["used"] is None else plausible_count(claims["used"]),
        _maybe_text(claims["on_error"]),
    )


def _a(kind: type, value: Any) -> Any:
    """The value, of exactly this type: True is not 1. Raises ValueError."""
    if type(value) is not kind:
        raise ValueError(f"not of type {kind.__name__}")
    return value


def _text(value: Any) -> str:
    """The text, if it fits into a cell of the table. Raises ValueError."""
    text: str = _a(str, value)
    if len(text) > LONGEST_TEXT:
        raise ValueError("too long")
    return text


def _maybe_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _maybe(kind: type, value: Any) -> Any:
    return None if value is None else _a(kind, value)


def _seconds(value: Any) -> float | None:
    seconds: float | None = float(value) if type(value) is int else _maybe(float, value)
    if seconds is not None and not math.isfinite(seconds):
        raise ValueError("not a number of seconds")
    return seconds


def read_scrape(at: float, exposition: bytes) -> Scrape:
    """The connects by outcome in the text of /metrics. Raises ValueError for any other text."""
    connects = {outcome.decode(): float(count) for outcome, count in CONNECTS.findall(exposition)}
    if not 0 < len(connects) <= MOST_OUTCOMES or not all(map(math.isfinite, connects.values())):
        raise ValueError("not the metrics of this service")
    return Scrape(at, connects)


def rates(earlier: Scrape, later: Scrape) -> dict[str, float] | None:
    """Connects a second by outcome between two scrapes; None if a count fell, as after a restart, or no time passed."""
    seconds = later.at - earlier.at
    grown = {outcome: count - earlier.connects.get(outcome, 0) for outcome, count in later.connects.items()}
    if seconds <= 0 or any(count < 0 for count in grown.values()):
        return None
    return {outcome: round(count / seconds, 3) for outcome, count in grown.items()}
