"""The items read from Kafka, in order."""

from dataclasses import dataclass
from typing import TypeAlias

from bridge.commands import Record
from bridge.delivery.work import Partition


@dataclass(frozen=True, slots=True)
class EndOfPartition:
    """Every record before `offset` was read."""

    partition: Partition
    offset: int


Read: TypeAlias = Record | EndOfPartition
