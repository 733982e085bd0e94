"""Reads selected dead letters again. Pure.

A topic can have more dead letters than fit into memory, so a selection keeps only their partitions and offsets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bridge.commands import Record


class Place(NamedTuple):
    """Where a dead letter is in its topic."""

    partition: int
    offset: int


def reread(places: Sequence[Place], streams: Mapping[int, Iterator[Record]]) -> Iterator[tuple[int, Record]]:
    """The index in `places` and the record, for each place in order. Deleted records are skipped.

    `streams` has the records of each partition, from its first place to its last place. The offsets of a partition
    ascend, in `streams` and in `places`. Only one record of each partition is in memory at a time.
    """
    heads: dict[int, Record | None] = {}
    for index, (partition, offset) in enumerate(places):
        stream = streams[partition]
        head = heads[partition] if partition in heads else next(stream, None)
        while head is not None and head.offset < offset:
            head = next(stream, None)
        heads[partition] = head
        if head is not None and head.offset == offset:
            yield index, head


def spans(places: Sequence[Place]) -> dict[int, tuple[int, int]]:
    """The first and the last offset in `places` for each partition."""
    found: dict[int, tuple[int, int]] = {}
    for partition, offset in places:
        first, _ = found.get(partition, (offset, offset))
        found[partition] = first, offset
    return found
