"""The interface of all formats."""

from typing import Protocol

from bridge.commands import Reason, Record
from bridge.event import Payload


class Unreadable(Exception):
    """The record does not have this format, or its format is not supported. `detail` never quotes the record."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Reader(Protocol):
    """Reads values of one format. Routes with the same format share a reader, so that a record is read only once."""

    def read(self, record: Record, value: bytes) -> Payload:
        """The event in the record; `value` is the record's value, b"" for an event without one. Raises Unreadable."""

    def is_event_without_value(self, record: Record) -> bool:
        """True if a record without a value is an event in this format. In the other formats it is a tombstone."""
        return False

    def has_attributes(self) -> bool:
        """True if events in this format can have the attributes of a CloudEvent."""
        return False

    def why_absent(self, names: tuple[str, ...]) -> str:
        """Why the data never has a value under these names; "" if it may have one."""
        return ""
