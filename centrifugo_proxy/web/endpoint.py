"""Answers the proxy requests of any event: checks the guard, parses, decides, renders, counts and traces."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from centrifugo_proxy.events import decision
from centrifugo_proxy.events.base import CallerGone
from centrifugo_proxy.events.decision import CallFailed, Decision, GuardRefused
from centrifugo_proxy.peers.backends import BackendUnavailable
from centrifugo_proxy.peers.identity import IdentityInterrupted, IdentityUnavailable
from centrifugo_proxy.peers.session_slots import ShareTaken
from centrifugo_proxy.protocol.codes import path_of
from centrifugo_proxy.protocol.connect import BadRequest
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.web.request_context import UNREAD_BODY, caller_of, runtime_of, scope_of
from centrifugo_proxy.web.response_modes import respond
from centrifugo_proxy.web.responses import JsonResponse
from centrifugo_proxy.wiring.runtime import EventHandler, Runtime

# After a longer wait than this, the service first checks that the caller is still there.
SHORT_WAIT_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of one event."""

    event: str

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request. The request is always counted once, and its span always ends."""
        event, scope, runtime = self.event, scope_of(request), runtime_of(request)
        outcome, status = "cancelled", 0
        started = perf_counter()
        metrics.inflight[event] += 1
        span = runtime.tracer.server_span(scope, path_of(event))
        try:
            body = request.body
            decided = turned_away(runtime, scope, body) or await self._decide(runtime, scope, body, started)
            runtime.operator_log.write(event, decided)
            outcome = decided.outcome
            status, answer = respond(decided, runtime.mode, event)
            return JsonResponse(answer, status)
        except CallerGone:
            return JsonResponse(b"{}", 499)
        finally:
            span.finish(status, outcome)
            metrics.inflight[event] -= 1
            metrics.count_request(event, outcome, perf_counter() - started)

    async def _decide(self, runtime: Runtime, scope: dict[str, Any], body: bytes, started: float) -> Decision:
        handler = runtime.events.get(self.event)
        if handler is None:
            return decision.NOT_IMPLEMENTED
        caller = caller_of(scope)
        waited_s = caller.waited_s()
        metrics.QUEUE_DELAY.series[()].observe(waited_s)
        slots = runtime.capacity if self.event == "connect" else runtime.session_slots
        if not slots.enter(waited_s):
            return decision.OVERLOADED
        try:
            if waited_s > SHORT_WAIT_S and await caller.gone():
                raise CallerGone
            return await handler.event.decide(handler.parse(body), caller)
        except BadRequest:
            return decision.BAD_REQUEST
        except CallerGone:
            raise
        except (BackendUnavailable, IdentityUnavailable, IdentityInterrupted, ShareTaken) as failure:
            return _without_service(handler, failure)
        except Exception as fault:
            return decision.internal_error(fault)
        finally:
            slots.leave(perf_counter() - started)


def _without_service(
    handler: EventHandler, failure: BackendUnavailable | IdentityUnavailable | IdentityInterrupted | ShareTaken
) -> Decision:
    """The decision if the service that the event needs did not answer, or if too many events already wait for it."""
    if isinstance(failure, ShareTaken):
        return decision.OVERLOADED
    if isinstance(failure, BackendUnavailable):
        failed = CallFailed(failure.service, failure.status)
    else:
        failed = CallFailed("identity", str(failure))
    return decision.unavailable(handler.unavailable_status, (failed,))


def turned_away(runtime: Runtime, scope: dict[str, Any], body: bytes) -> Decision | None:
    """The refusal of a request that must not be parsed, or None.

    Such a request has a body that was not read, or the guard refuses it.
    """
    if status := scope.get(UNREAD_BODY):
        return decision.BAD_REQUEST._replace(status=status)
    if reason := runtime.guard.refusal(scope["headers"], body):
        metrics.guard_refusals[reason].inc()
        return decision.REFUSED._replace(notices=(GuardRefused(reason),))
    return None
