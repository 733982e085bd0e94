"""Writes the headers of a dead letter, and reads them back. Pure.

A dead letter has the bridge's own headers. It also has Kafka Connect's headers, for tools that read those.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from bridge import letter_headers as names
from bridge.commands import FORMAT_REASONS, Headers, Poison, Reason, Record
from bridge.topic_names import is_topic
from common.timestamps import rfc3339

MOST_DETAIL: Final = 512
FROM_CENTRIFUGO: Final = frozenset(
    {Reason.UNKNOWN_CHANNEL, Reason.UNKNOWN_METHOD, Reason.NOT_AVAILABLE, Reason.REJECTED, Reason.GAVE_UP}
)
DROPPED: Final = "dropped, too large"
UNREADABLE: Final = "unreadable"


class Position(NamedTuple):
    """A record's position in its own topic; `timestamp` is in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int


class Letter(NamedTuple):
    """Why and when a record failed. The first failure decides the reason. `failed_at` is in seconds since 1970."""

    position: Position
    failures: Sequence[Poison]
    attempts: int
    replays: int
    failed_at: float
    version: str


def position_of(record: Record, replay_topic: str) -> tuple[Position, int]:
    """The record's original position, and its number of replays.

    For a record of `replay_topic`, both come from its headers. For a record of another topic, or if the headers have no
    valid position, the position is where the record was read.
    """
    here = Position(record.topic, record.partition, record.offset, record.timestamp)
    if not replay_topic or record.topic != replay_topic:
        return here, 0
    headers = texts_of(record.headers)
    topic = headers.get(names.TOPIC, "")
    numbers = [integer(headers, name) for name in (names.PARTITION, names.OFFSET, names.TIMESTAMP)]
    partition, offset, timestamp = (-1 if number is None else number for number in numbers)
    original = Position(topic, partition, offset, timestamp) if is_topic(topic) and None not in numbers else here
    return original, integer(headers, names.REPLAYS) or 0


class Size(Enum):
    """How much of a record its dead letter contains. If a letter is too large for Kafka, a smaller size is tried."""

    WHOLE = "whole"
    WITHOUT_VALUE = "without value"
    ONLY_OURS = "only our headers"

    @property
    def left_out(self) -> tuple[str, ...]:
        """The parts of the record that the letter does not contain."""
        return LEFT_OUT[self]

    def smaller(self) -> "Size | None":
        """The next smaller size; None if this is the smallest."""
        return {Size.WHOLE: Size.WITHOUT_VALUE, Size.WITHOUT_VALUE: Size.ONLY_OURS}.get(self)


LEFT_OUT: Final[Mapping[Size, tuple[str, ...]]] = {
    Size.WHOLE: (),
    Size.WITHOUT_VALUE: (names.VALUE,),
    Size.ONLY_OURS: (names.VALUE, names.KEY, names.HEADERS),
}


class Message(NamedTuple):
    """The message that is written to Kafka for a dead letter."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def message_of(letter: Letter, record: Record, size: Size = Size.WHOLE) -> Message:
    """The message for a record's dead letter. Its headers list the parts of the record that it does not contain."""
    key = None if names.KEY in size.left_out else record.key
    value = None if names.VALUE in size.left_out else record.value
    kept = () if names.HEADERS in size.left_out else record.headers
    missing = {**({names.HEADERS: UNREADABLE} if record.fault else {}), **dict.fromkeys(size.left_out, DROPPED)}
    return Message(key, value, headers_of(letter, kept) + tuple((name, why.encode()) for name, why in missing.items()))


def headers_of(letter: Letter, record_headers: Headers) -> Headers:
    """The record's headers and the bridge's own headers. Own headers of an earlier dead letter are replaced."""
    kept = [header for header in record_headers if not header[0].startswith(names.PREFIXES)]
    written = {**_ours(letter), **_connects(letter)}
    return (*kept, *((name, value.encode()) for name, value in written.items()))


def _ours(letter: Letter) -> dict[str, str]:
    first = letter.failures[0]
    actions = _actions(letter.failures)
    return {
        names.REASON: first.reason,
        names.DETAIL: first.detail[:MOST_DETAIL],
        names.ROUTE: first.route,
        **({names.ACTION: actions} if actions else {}),
        names.TOPIC: letter.position.topic,
        names.PARTITION: str(letter.position.partition),
        names.OFFSET: str(letter.position.offset),
        names.TIMESTAMP: str(letter.position.timestamp),
        names.ATTEMPTS: str(letter.attempts),
        names.REPLAYS: str(letter.replays),
        names.FAILED_AT: rfc3339(letter.failed_at),
        names.VERSION: letter.version,
    }


def _actions(failures: Sequence[Poison]) -> str:
    """The numbers of all failed actions, as `ROUTE.NUMBER` if the route is not that of the first failure."""
    route = failures[0].route
    named = [
        str(each.action) if each.route == route else f"{each.route}.{each.action}"
        for each in failures
        if each.action is not None
    ]
    return ",".join(named)


def _connects(letter: Letter) -> dict[str, str]:
    first = letter.failures[0]
    return {
        f"{names.CONNECT_PREFIX}topic": letter.position.topic,
        f"{names.CONNECT_PREFIX}partition": str(letter.position.partition),
        f"{names.CONNECT_PREFIX}offset": str(letter.position.offset),
        f"{names.CONNECT_PREFIX}stage": _stage(first.reason),
        f"{names.CONNECT_PREFIX}exception.class.name": first.reason,
        f"{names.CONNECT_PREFIX}exception.message": first.detail[:MOST_DETAIL],
    }


def _stage(reason: Reason) -> str:
    if reason in FORMAT_REASONS:
        return "VALUE_CONVERTER"
    return "TASK_PUT" if reason in FROM_CENTRIFUGO else "TRANSFORMATION"


def texts_of(headers: Headers) -> dict[str, str]:
    """Headers as text. If a name occurs several times, the last header counts."""
    return {name: (value or b"").decode(errors="replace") for name, value in headers}


def integer(headers: Mapping[str, str], name: str) -> int | None:
    """The integer in a header; None if the header is absent, or is not an integer of at most 19 digits."""
    text = headers.get(name, "")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
