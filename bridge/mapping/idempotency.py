"""Idempotency keys. For five minutes, Centrifugo drops a publication that repeats a key in the same channel.

With the NATS broker, Centrifugo ignores the keys.
"""

import hashlib
from typing import Final

from bridge.commands import Reason, Record
from bridge.event import Event, Unmappable
from bridge.routing.model import Idempotency, IdempotencyKey

BY_POSITION: Final = Idempotency.POSITION  # looking up a member of an Enum takes as long as making the key
LONGEST: Final = 255  # characters; longer keys of events are hashed, because Centrifugo stores each key


def idempotency_key(kind: IdempotencyKey, event: Event, suffix: str) -> str:
    """The key of a publication, "" if the route turns keys off. Raises Unmappable.

    A record can become several publications; `suffix` makes their keys different.
    """
    if kind.mode is BY_POSITION:
        return position(event.record) + suffix
    if kind.mode is Idempotency.OFF:
        return ""
    key = f"{_event_id(kind, event)}{suffix}"
    return key if len(key) <= LONGEST else hashlib.sha256(key.encode()).hexdigest()


def position(record: Record) -> str:
    """The record's position and timestamp. If a topic is deleted and created again, only the positions repeat."""
    return f"{record.topic}:{record.partition}:{record.offset}:{record.timestamp}"


def _event_id(kind: IdempotencyKey, event: Event) -> str:
    if kind.template is not None:
        return kind.template.fill(event)
    if not event.attributes:
        raise Unmappable(Reason.NO_SUCH_FIELD, 'idempotency = "event" needs a CloudEvent')
    # Spaces in the source are escaped, so the first space always separates source and id.
    return f"{str(event.attributes['source']).replace(' ', '%20')} {event.attributes['id']}"
