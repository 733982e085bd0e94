"""Finds topics that were deleted and created again, and that the Kafka library no longer reads.

The library ignores a leader whose epoch is lower than the last known epoch. The epochs of a new topic begin at 0.
So the library asks with an epoch that the brokers do not know, again and again, and reports no error. Only a new
consumer reads such a partition.
"""

from collections.abc import Mapping

from bridge.delivery.work import Partition


class CreatedAgain(Exception):
    """The library does not read these topics any more. The message contains their names. A new process reads them."""


class Recreated:
    """Compares the ids of the assigned topics at each measurement of the lag."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._suspects: dict[Partition, int | None] = {}
        self._waiting: frozenset[Partition] = frozenset()

    def stuck(
        self, ids: Mapping[str, str], positions: Mapping[Partition, int | None], ends: Mapping[Partition, int]
    ) -> frozenset[Partition]:
        """The partitions that have not been read since their topic got another id, although they have unread records.

        `ids` has the id of each existing topic. `positions` has the first unfinished offset of each assigned partition,
        None if it is unknown. `ends` has the end of each partition that Kafka serves. A partition is stuck only if it
        waits in two measurements in a row: a record may just have arrived.
        """
        changed = {topic for topic, identity in ids.items() if self._ids.get(topic, identity) != identity}
        assigned = {partition.topic for partition in positions}
        self._ids = {topic: identity for topic, identity in {**self._ids, **ids}.items() if topic in assigned}
        still = {each: offset for each, offset in self._suspects.items() if positions.get(each, -1) == offset}
        self._suspects = {**still, **{each: at for each, at in positions.items() if each.topic in changed}}
        waiting = frozenset(each for each, offset in self._suspects.items() if ends.get(each, offset) != offset)
        before, self._waiting = self._waiting, waiting
        return waiting & before
