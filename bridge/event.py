"""What a record says, once its format is read; and why it says nothing that a route can use."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from bridge.commands import Reason, Record


class Absent(Enum):
    """The value of a field that an event does not have. Null is another thing: a value that is there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
NOTHING: Final[Mapping[str, Any]] = {}


class Payload(NamedTuple):
    """A value as its format reads it: an object, and the attributes of a CloudEvent (none for other formats)."""

    data: dict[str, Any]
    attributes: Mapping[str, Any] = NOTHING


class Event(NamedTuple):
    """What paths are looked up in. `data` is the object at the route's `root`, ABSENT or None when it is not there."""

    record: Record
    data: Any = ABSENT
    attributes: Mapping[str, Any] = NOTHING


class Unmappable(Exception):
    """No command can be made of the record, now or later. `detail` has no value of it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def header(record: Record, name: str) -> bytes | Absent | None:
    """The value of the last header of this name."""
    for own, value in reversed(record.headers):
        if own == name:
            return value
    return ABSENT
