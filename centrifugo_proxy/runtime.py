"""What a request needs of the process, opened by the lifespan and handed over in the request's scope."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.http import HttpRequest

from centrifugo_proxy import spans
from centrifugo_proxy.capacity import Capacity
from centrifugo_proxy.codes import ResponseMode
from centrifugo_proxy.events.event import Caller, Clock, Event
from centrifugo_proxy.guard import Guard
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


class _Waiting:
    """The caller of a handler that does not tell when one has gone."""

    async def gone(self) -> bool:
        return False


WAITING: Final = _Waiting()
CALLER: Final = "realtime.caller"
UNREAD_BODY: Final = "realtime.unread_body"


def scope_of(request: HttpRequest) -> dict[str, Any]:
    """The ASGI scope of `request`."""
    scope: dict[str, Any] = request.scope  # type: ignore[attr-defined]  # every request here is an ASGIRequest
    return scope


def caller_of(request: HttpRequest) -> Caller:
    """Whoever waits for the answer to `request`; the handler puts it into the scope."""
    caller: Caller = scope_of(request).get(CALLER, WAITING)
    return caller


def unread_body(request: HttpRequest) -> int:
    """0, or the status of a request whose body the handler gave up: 413 too large, 408 too slow."""
    status: int = scope_of(request).get(UNREAD_BODY, 0)
    return status


def runtime_of(request: HttpRequest) -> Runtime:
    """The runtime of the process that serves `request`."""
    try:
        runtime: Runtime = scope_of(request)["state"]["runtime"]
    except KeyError:
        raise RuntimeError("The ASGI lifespan did not run: serve with lifespan on (manage.py serve does).") from None
    return runtime
