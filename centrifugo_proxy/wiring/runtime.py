"""What a request needs of the process, opened by the lifespan and handed over in the request's scope."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from centrifugo_proxy import spans
from centrifugo_proxy.events.base import Clock, Event
from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.protocol.codes import ResponseMode
from centrifugo_proxy.protocol.guard import Guard
from fallback.admission import Admission


@dataclass(slots=True)
class Readiness:
    """Ready from the end of startup to the beginning of shutdown."""

    ready: bool = False


class EventHandler(NamedTuple):
    """An event that is configured, and what parses its requests (BadRequest).

    `unavailable_status` is for when a service that it must ask does not answer: 200 refuses for now, 503 fails.
    """

    parse: Callable[[bytes], Any]
    event: Event
    unavailable_status: int = 200


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running service. `events` has those that are configured."""

    guard: Guard
    events: Mapping[str, EventHandler]
    admission: Admission
    capacity: Capacity
    clock: Clock
    mode: ResponseMode
    tracer: spans.Tracer
    readiness: Readiness
    version: str
