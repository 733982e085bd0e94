"""The items read from Kafka, in order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from bridge.commands import Record
from bridge.delivery.work import Partition, size_of


@dataclass(frozen=True, slots=True)
class EndOfPartition:
    """The end of a partition: every record before `offset` was read."""

    partition: Partition
    offset: int


Read: TypeAlias = Record | EndOfPartition


def bytes_of(items: Iterable[Read]) -> int:
    """The size of the records among these items."""
    return sum([size_of(item) for item in items if type(item) is Record])
