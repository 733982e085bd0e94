"""The views: the endpoints of Centrifugo's events, the health checks and the metrics."""

import logging

import orjson
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST

from centrifugo_proxy.protocol.codes import EVENTS
from centrifugo_proxy.web import health
from centrifugo_proxy.web.endpoint import Endpoint
from centrifugo_proxy.web.request_context import runtime_of
from centrifugo_proxy.web.responses import JsonResponse, View, allow, json_error

NO_STORE = {"Cache-Control": "no-store"}

logger = logging.getLogger("centrifugo_proxy")


proxy_views: dict[str, View] = {event: allow("POST")(Endpoint(event).answer) for event in EVENTS}


@allow("GET", "HEAD")
async def show_health(request: HttpRequest) -> HttpResponse:
    """The state of the service for operators. The status is 200 while the process serves."""
    return JsonResponse(orjson.dumps(health.describe(runtime_of(request))), headers=NO_STORE)


@allow("GET", "HEAD")
async def show_live(request: HttpRequest) -> HttpResponse:
    """The liveness probe. It does no work."""
    return JsonResponse(b'{"status":"ok"}', headers=NO_STORE)


@allow("GET", "HEAD")
async def show_ready(request: HttpRequest) -> HttpResponse:
    """The readiness probe. It stays 200 in an outage: pods with fallback tickets must stay in rotation."""
    if runtime_of(request).readiness.ready:
        return JsonResponse(b'{"status":"ok"}', headers=NO_STORE)
    return JsonResponse(b'{"status":"shutting down"}', 503, NO_STORE)


@allow("GET", "HEAD")
async def show_metrics(request: HttpRequest) -> HttpResponse:
    """All metrics, including those of django-prometheus, in Prometheus' text format. See metrics_page.py."""
    return JsonResponse(await runtime_of(request).metrics_page.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def show_fault(request: HttpRequest) -> HttpResponse:
    """Answers 500 for a bug outside of an event's decision. Django calls this function while it handles the error.

    The log line does not quote the path, because a stranger may have written it.
    """
    view = request.resolver_match.view_name if request.resolver_match else ""
    logger.error("a request failed with an internal error", exc_info=True, extra={"view": view})
    return json_error(500, "internal error")
