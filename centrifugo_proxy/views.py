"""The endpoints."""

from collections.abc import Awaitable

import orjson
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView

from centrifugo_proxy import health, metrics, wire
from centrifugo_proxy.django_metrics import tally
from centrifugo_proxy.events import decision
from centrifugo_proxy.events.connect import Caller
from centrifugo_proxy.events.decision import Decision
from centrifugo_proxy.http import JsonResponse, View, allow
from centrifugo_proxy.proxy import Decide, Endpoint
from centrifugo_proxy.runtime import Runtime, runtime_of

NO_STORE = {"Cache-Control": "no-store"}


def proxy_view(event: str, decide: Decide) -> View:
    """The view of one event."""
    endpoint = Endpoint(event, decide)
    return allow("POST")(endpoint.answer)


def decide_connect(runtime: Runtime, body: bytes, caller: Caller) -> Awaitable[Decision]:
    return runtime.connect.decide(wire.parse_connect(body), caller)


async def decide_nothing(runtime: Runtime, body: bytes, caller: Caller) -> Decision:
    return decision.NOT_IMPLEMENTED


DECIDES: dict[str, Decide] = {"connect": decide_connect}
proxy_views = {event: proxy_view(event, DECIDES.get(event, decide_nothing)) for event in metrics.EVENTS}


@allow("GET", "HEAD")
async def show_health(request: HttpRequest) -> HttpResponse:
    """All an operator wants to know first; 200 while the process serves."""
    return JsonResponse(orjson.dumps(health.describe(runtime_of(request))), headers=NO_STORE)


@allow("GET", "HEAD")
async def show_live(request: HttpRequest) -> HttpResponse:
    """The liveness probe: does no work."""
    return JsonResponse(b'{"status":"ok"}', headers=NO_STORE)


@allow("GET", "HEAD")
async def show_ready(request: HttpRequest) -> HttpResponse:
    """The readiness probe: an identity outage does not count, the pods with the fallback tickets must stay."""
    if runtime_of(request).readiness.ready:
        return JsonResponse(b'{"status":"ok"}', headers=NO_STORE)
    return JsonResponse(b'{"status":"shutting down"}', 503, NO_STORE)


@allow("GET", "HEAD")
async def show_metrics(request: HttpRequest) -> HttpResponse:
    """django-prometheus' exporter, in the event loop: a few milliseconds, a few times a minute."""
    tally.fold()
    response: HttpResponse = ExportToDjangoView(request)
    return response
