"""Idempotency keys. Centrifugo remembers each for five minutes, by channel, and drops what has the same one."""

import hashlib
from typing import Final

from bridge.commands import Reason, Record
from bridge.event import Event, Unmappable
from bridge.routing.model import Idempotency, IdempotencyKey

LONGEST: Final = 255  # an event chooses its id, and Centrifugo keeps it in memory


def idempotency_key(kind: IdempotencyKey, event: Event, suffix: str) -> str:
    """The key, "" for none. `suffix` tells the publications of one record apart. Raises Unmappable."""
    if kind.mode is Idempotency.OFF:
        return ""
    if kind.mode is Idempotency.POSITION:
        return position(event.record) + suffix
    key = f"{_event_id(kind, event)}{suffix}"
    return key if len(key) <= LONGEST else hashlib.sha256(key.encode()).hexdigest()


def position(record: Record) -> str:
    """Where the record is. With its time, as a topic that is deleted and made anew begins at offset 0 again."""
    return f"{record.topic}:{record.partition}:{record.offset}:{record.timestamp}"


def _event_id(kind: IdempotencyKey, event: Event) -> str:
    if kind.template is not None:
        return kind.template.fill(event)
    if not event.attributes:
        raise Unmappable(Reason.NO_SUCH_FIELD, 'idempotency = "event" needs a CloudEvent')
    # No source has a space in it, so that the two cannot run into each other.
    return f"{str(event.attributes['source']).replace(' ', '%20')} {event.attributes['id']}"
