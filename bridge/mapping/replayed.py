"""Records of the replay topic. They are mapped like the original records that their `bridge.…` headers describe."""

import re
from typing import Final

import msgspec

from bridge.commands import Reason, Record
from bridge.event import Unmappable, header
from bridge.letter_headers import OFFSET, PARTITION, TIMESTAMP, TOPIC
from bridge.topic_names import is_topic

_INTEGER: Final = re.compile(rb"-1|[0-9]{1,19}")


def original(record: Record) -> Record:
    """The record with its original topic, position and timestamp. Key, value and headers stay.

    The result has the same routes, idempotency keys and age as the original record. Raises Unmappable if the
    `bridge.…` headers are absent or invalid.
    """
    topic = header(record, TOPIC)
    try:
        name = topic.decode() if isinstance(topic, bytes) else ""
    except UnicodeDecodeError:
        name = ""
    if not is_topic(name):
        raise Unmappable(
            Reason.UNSUPPORTED,
            f"the header {TOPIC} is absent or is not a topic name, so the record cannot be replayed",
        )
    return msgspec.structs.replace(
        record,
        topic=name,
        partition=_integer(record, PARTITION),
        offset=_integer(record, OFFSET),
        timestamp=_integer(record, TIMESTAMP),
    )


def _integer(record: Record, name: str) -> int:
    value = header(record, name)
    if isinstance(value, bytes) and _INTEGER.fullmatch(value):
        return int(value)
    raise Unmappable(
        Reason.UNSUPPORTED,
        f"the header {name} is absent or is not an integer (-1, or 1 to 19 digits), so the record cannot be replayed",
    )
