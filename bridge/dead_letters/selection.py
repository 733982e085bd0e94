"""Selects dead letters, and reads their headers. Pure."""

import math
from base64 import b64encode
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

    `topic`, `partition` and `offset` are the position of the original record. An unknown `topic` is "", an unknown
    number is None.
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
        """True if a bridge has written this record."""
        return self.topic != "" and self.partition is not None and self.offset is not None

    def as_json(self, *, show_values: bool) -> dict[str, Any]:
        """The documented fields. `show_values` adds the key and the value of the record."""
        own = {"letter_partition": self.record.partition, "letter_offset": self.record.offset}
        fields = {name: value for name, value in self._asdict().items() if name != "record"}
        return {**own, **fields, **(_content(self.record) if show_values else {})}


def _content(record: Record) -> dict[str, str | None]:
    """The key and the value as texts. If one of them is not UTF-8, it is also added in base64, without loss."""
    shown: dict[str, str | None] = {}
    for name, content in (("key", record.key), ("value", record.value)):
        try:
            shown[name] = None if content is None else content.decode()
        except UnicodeDecodeError as error:
            shown[name] = error.object.decode(errors="replace")
            shown[f"{name}_base64"] = b64encode(error.object).decode()
    return shown


def without_contents(record: Record) -> Record:
    """The record without its key and value, which can be large."""
    return msgspec.structs.replace(record, key=None, value=None)


def dead_letter(record: Record) -> DeadLetter:
    """Read the fields of a dead letter from the headers of its record."""
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
    """Criteria for dead letters; "" and None match every letter. Only `newest_first` uses `since_ms`."""

    reason: str = ""
    route: str = ""
    topic: str = ""
    partition: int | None = None
    offset: int | None = None
    since_ms: int = 0

    def fits(self, letter: DeadLetter) -> bool:
        """True if the letter meets all criteria other than `since_ms`."""
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
    """Merge the letters of several partitions, newest first. Letters written before `since_ms` are left out.

    Each stream is newest first. Only letters that a bridge has written are in order of time. A record from another
    program may have any timestamp, so its timestamp never ends the reading.
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
    """When a bridge wrote this letter. Infinite for a record from another program, or if the time is unknown."""
    return letter.record.timestamp if letter.is_ours and letter.record.timestamp >= 0 else math.inf


def replay_headers(letter: DeadLetter) -> Headers:
    """The headers for a replay: those of the original record, its original position, and its number of replays."""
    headers = letter.record.headers
    kept = [header for header in headers if not header[0].startswith(names.PREFIXES)]
    position = [header for header in headers if header[0] in names.POSITION]
    return (*kept, *position, (names.REPLAYS, str(letter.replays + 1).encode()))
