"""The state of one pod, parsed from its HTTP answers."""

import math
import re
from typing import Any, Final, NamedTuple

from common.health_values import optional_text, optional_value, plausible_count, short_text, value_of
from fallback.pool_health import PoolHealth, read_pool

CONNECTS: Final = re.compile(
    rb'^realtime_centrifugo_connect_total\{outcome="([a-z_]{1,64})"\} ([0-9.]+(?:e\+[0-9]+)?)$', re.MULTILINE
)
MOST_OUTCOMES: Final = 64
CONSUMED: Final = "fallback_pool_consumed"


class Scrape(NamedTuple):
    """Connects by outcome since the process started, read at `at` (monotonic seconds)."""

    at: float
    connects: dict[str, float]


class Outage(NamedTuple):
    """`identity_outage` of /health. The last three fields are None if the pod's version does not report them."""

    degraded: bool
    consecutive_failure_count: int
    since: str | None
    recovering: bool | None
    last_failure_age_s: float | None
    last_answer_age_s: float | None


class Health(NamedTuple):
    """The body of /health, validated."""

    status: str
    version: str
    identity_outage: Outage
    fallback_pool: PoolHealth


class Pod(NamedTuple):
    """The state of one replica. `error` is None if there is no error. In other fields, None means unknown.

    `resolved` is False if the replica's host name did not resolve. Then no request was sent.
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
    """Reads the parsed body of /health. Unknown fields are ignored. Raises ValueError for any other body."""
    try:
        outage = body["identity_outage"]
        return Health(
            short_text(body["status"]),
            short_text(body["version"]),
            Outage(
                value_of(bool, outage["degraded"]),
                plausible_count(outage["consecutive_failure_count"]),
                optional_text(outage["since"]),
                optional_value(bool, outage.get("recovering")),
                _seconds(outage.get("last_failure_age_s")),
                _seconds(outage.get("last_answer_age_s")),
            ),
            read_pool(body),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise ValueError("not the health of this service") from None


def _seconds(value: Any) -> float | None:
    seconds: float | None = float(value) if type(value) is int else optional_value(float, value)
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
    """Connects a second by outcome between two scrapes.

    None if no time passed, or if a count fell because the process was restarted.
    """
    seconds = later.at - earlier.at
    grown = {outcome: count - earlier.connects.get(outcome, 0) for outcome, count in later.connects.items()}
    if seconds <= 0 or any(count < 0 for count in grown.values()):
        return None
    return {outcome: round(count / seconds, 3) for outcome, count in grown.items()}
