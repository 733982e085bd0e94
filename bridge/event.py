"""The event in a record, and the error for a record that a route cannot use."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import msgspec

from bridge.commands import Reason, Record


class Absent(Enum):
    """Stands for a field that is absent from an event. Null (None) is different: the field is present."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
NOTHING: Final[Mapping[str, Any]] = {}


class Payload(msgspec.Struct, frozen=True, gc=False):
    """A parsed value: an object, and the attributes of a CloudEvent (empty for other formats)."""

    data: dict[str, Any]
    attributes: Mapping[str, Any] = NOTHING


class Event(msgspec.Struct, frozen=True, gc=False):
    """The object in which paths are looked up. `data` is the object at the route's `root`, ABSENT or None."""

    record: Record
    data: Any = ABSENT
    attributes: Mapping[str, Any] = NOTHING


class Unmappable(Exception):
    """A route or an action cannot use the record, and a retry would not help. `detail` never quotes a value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def header(record: Record, name: str) -> bytes | Absent | None:
    """The value of the last header with this name; ABSENT if the record has no such header."""
    for own, value in reversed(record.headers):
        if own == name:
            return value
    return ABSENT
