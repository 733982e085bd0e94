"""Selects dead letters, and reads their headers. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from bridge import letter_headers as names
from bridge.commands import Headers, Reason, Record
from bridge.delivery.dead_letter import integer, texts_of

MOST_REPLAYS: Final = 5


class DeadLetter(NamedTuple):
    """A record of the dead-letter topic.

    `topic`, `partition` and `offset` are the original record's. If unknown, `topic` is "" and the others are None.
    """

    record: Record
    reason: str
    detail: str
    route: str
    action: str
    topic: str
    partition: int | None
    offset: int | None
    replays: int
    attempts: int
    failed_at: str
    without_value: bool
    without_headers: bool

    @property
    def is_ours(self) -> bool:
        """False for a record that no bridge has written."""
        return self.topic != "" and self.partition is not None and self.offset is not None

    def as_json(self, *, show_values: bool) -> dict[str, Any]:
        """The documented fields; key and value only with `show_values`."""
        own = {"letter_partition": self.record.partition, "letter_offset": self.record.offset}
        fields = {name: value for name, value in self._asdict().items() if name != "record"}
        return {**own, **fields, **(_content(self.record) if show_values else {})}


def _content(record: Record) -> dict[str, str | None]:
    texts = {"key": record.key, "value": record.value}
    return {name: None if content is None else content.decode(errors="replace") for name, content in texts.items()}


def without_contents(record: Record) -> Record:
    """The record without its key and value, which can be large."""
    return msgspec.structs.replace(record, key=None, value=None)


def dead_letter(record: Record) -> DeadLetter:
    """A record of the dead-letter topic, read from its headers."""
    headers: Mapping[str, str] = texts_of(record.headers)
    return DeadLetter(
        record=record,
        reason=headers.get(names.REASON, "unknown"),
        detail=headers.get(names.DETAIL, ""),
        route=headers.get(names.ROUTE, ""),
        action=headers.get(names.ACTION, ""),
        topic=headers.get(names.TOPIC, ""),
        partition=integer(headers, names.PARTITION),
        offset=integer(headers, names.OFFSET),
        replays=integer(headers, names.REPLAYS) or 0,
        attempts=integer(headers, names.ATTEMPTS) or 0,
        failed_at=headers.get(names.FAILED_AT, ""),
        without_value=names.VALUE in headers,
        without_headers=names.HEADERS in headers,
    )


@dataclass(frozen=True)
class Selection:
    """Criteria for dead letters; "" and None match all. `since_ms` is for `newest_first`."""

    reason: str = ""
    route: str = ""
    topic: str = ""
    partition: int | None = None
    offset: int | None = None
    since_ms: int = 0

    def fits(self, letter: DeadLetter) -> bool:
        """True if the letter meets the criteria except `since_ms`."""
        wanted = {
            "reason": self.reason or None,
            "route": self.route or None,
            "topic": self.topic or None,
            "partition": self.partition,
            "offset": self.offset,
        }
        fields = letter._asdict()
        return all(value is None or fields[name] == value for name, value in wanted.items())


def why_not_replayed(letter: DeadLetter, *, even_old: bool) -> str:
    """The reason not to replay a selected letter; "" if it can be replayed."""
    if not letter.is_ours:
        return "not_a_letter"
    if letter.without_value:
        return "without_value"
    if letter.without_headers:
        return "without_headers"
    if letter.replays >= MOST_REPLAYS:
        return "too_many_replays"
    if letter.reason == Reason.TOO_OLD and not even_old:
        return "too_old"
    return ""


def newest_first(streams: Sequence[Iterator[DeadLetter]], since_ms: int) -> Iterator[DeadLetter]:
    """Merge the letters of several partitions, each newest first, and leave out those written before `since_ms`.

    Only the bridge's own letters are in order of time. Another record may have any timestamp, so it neither ends a
    partition nor hides the letters behind it.
    """
    heads = [(stream, head) for stream in streams if (head := next(stream, None)) is not None]
    while heads:
        newest = max(range(len(heads)), key=lambda number: _written_ms(heads[number][1]))
        stream, head = heads[newest]
        if _written_ms(head) < since_ms:
            return
        if not 0 <= head.record.timestamp < since_ms:
            yield head
        following = next(stream, None)
        if following is None:
            del heads[newest]
        else:
            heads[newest] = (stream, following)


def _written_ms(letter: DeadLetter) -> float:
    """When a bridge wrote this letter; infinite if it did not, or if the time is unknown."""
    return letter.record.timestamp if letter.is_ours and letter.record.timestamp >= 0 else math.inf


def replay_headers(letter: DeadLetter) -> Headers:
    """The original record's headers, its position in its original topic, and the number of its replays."""
    headers = letter.record.headers
    kept = [header for header in headers if not header[0].startswith(names.PREFIXES)]
    position = [header for header in headers if header[0] in names.POSITION]
    return (*kept, *position, (names.REPLAYS, str(letter.replays + 1).encode()))
