"""The parts of the process that a request needs. The lifespan opens them, and the ASGI scope carries them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from centrifugo_proxy import spans
from centrifugo_proxy.events.base import Clock, Event
from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.probe import IdentityProbe
from centrifugo_proxy.peers.session_slots import SessionSlots
from centrifugo_proxy.protocol.codes import ResponseMode
from centrifugo_proxy.protocol.guard import Guard
from centrifugo_proxy.telemetry.metrics_page import MetricsPage
from centrifugo_proxy.telemetry.operator_log import OperatorLog
from common.adaptive_limit import AdaptiveLimit
from fallback.admission import Admission

if TYPE_CHECKING:
    from centrifugo_proxy.peers.spiffe.workload_api import SvidSource


@dataclass(slots=True)
class Readiness:
    """`ready` is true from the end of startup to the beginning of shutdown."""

    ready: bool = False


class EventHandler(NamedTuple):
    """A configured event, and the parser of its requests. The parser raises BadRequest.

    `unavailable_status` is the HTTP status of the answer if the service that the event calls does not answer.
    """

    parse: Callable[[bytes], Any]
    event: Event
    unavailable_status: int = 200


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running service. `events` contains the configured events. The lifespan runs `probe`.

    `session_slots` is the part of `capacity` for all events except connect.
    """

    guard: Guard
    events: Mapping[str, EventHandler]
    admission: Admission
    capacity: Capacity | AdaptiveLimit
    session_slots: SessionSlots
    clock: Clock
    mode: ResponseMode
    tracer: spans.Tracer
    readiness: Readiness
    operator_log: OperatorLog
    probe: IdentityProbe
    version: str
    workload_identity: "SvidSource | None" = None
    metrics_page: MetricsPage = field(default_factory=MetricsPage)
