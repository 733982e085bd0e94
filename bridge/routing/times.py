"""Durations in a routes file, and the times in events."""

import re
from datetime import datetime
from typing import Any, Final

from bridge.commands import Reason
from bridge.event import ABSENT, Event, Unmappable
from bridge.routing.faults import NotAcceptedError, display
from bridge.routing.paths import Path

RECORD_TIME: Final = "record"
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
# https://www.rfc-editor.org/rfc/rfc3339#section-5.6
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999
_ACCEPTED: Final = "a time in RFC 3339 format or in milliseconds since 1970"


def parse_duration(value: Any) -> int:
    """The duration in milliseconds; 0 means no limit. Raises NotAcceptedError."""
    if value == "0" or (value == 0 and type(value) is int):
        return 0
    if isinstance(value, str) and (duration := _DURATION.fullmatch(value)):
        return int(duration[1]) * _UNITS_MS[duration[2]]
    raise NotAcceptedError(display(value), '"0", or a number and its unit such as "500ms", "30s", "10m", "2h", "7d"')


def event_age_ms(event: Event, age_from: Path | None, now_ms: int) -> int:
    """The age of the event, from the time at `age_from`; None = Kafka's timestamp. Raises Unmappable.

    The age is negative if the time is in the future, and 0 if the record has no timestamp.
    """
    if age_from is None:
        timestamp = event.record.timestamp
        return now_ms - timestamp if timestamp >= 0 else 0
    value = age_from.get(event)
    if value is ABSENT or value is None:
        raise Unmappable(Reason.NO_SUCH_FIELD, f"{age_from.text} is {'null' if value is None else 'absent'}")
    time_ms = _milliseconds(value)
    if time_ms is None:
        raise Unmappable(Reason.BAD_TIME, f"{age_from.text} is not {_ACCEPTED}")
    return now_ms - time_ms


def _milliseconds(value: Any) -> int | None:
    """Milliseconds since 1970; None if the value is not a time."""
    if type(value) is int:
        return value if 0 <= value <= _LAST_MS else None
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return None
    try:
        return int(datetime.fromisoformat(value.upper()).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
