"""What every format has in common."""

from typing import Protocol

from bridge.commands import Reason, Record
from bridge.event import Payload


class Unreadable(Exception):
    """The value is not of the format. `detail` has positions and kinds, never a value."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Reader(Protocol):
    """Reads values of one format. Routes with the same format share one, so that a record is read once."""

    def read(self, record: Record, value: bytes) -> Payload:
        """What the record says; `value` is its value. Raises Unreadable."""
