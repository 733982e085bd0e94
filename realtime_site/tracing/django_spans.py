"""Spans of opentelemetry-instrumentation-django, for requests to views that do not make spans themselves."""

from collections.abc import Awaitable
from typing import Final

from asgiref.sync import markcoroutinefunction
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.django.middleware.otel_middleware import _DjangoMiddleware

from centrifugo_proxy.protocol.codes import PATH_PREFIX
from centrifugo_proxy.web.responses import json_error
from realtime_site.serving.middleware import GetResponse

# Proxy endpoints make their own spans. Probes and scrapes are not traced.
UNTRACED: Final = (PATH_PREFIX, "/health", "/metrics")


class AsyncDjangoInstrumentor(DjangoInstrumentor):
    """The package's instrumentor, which installs our middleware for the event loop instead of its own."""

    _opentelemetry_middleware = "realtime_site.tracing.django_spans.django_spans"


@async_only_middleware
def django_spans(get_response: GetResponse) -> GetResponse:
    """Runs the package's hooks in the event loop. Its own middleware would use threads."""
    instrumentation = _DjangoMiddleware(get_response)

    @markcoroutinefunction
    def middleware(request: HttpRequest) -> Awaitable[HttpResponse]:
        return get_response(request) if request.path.startswith(UNTRACED) else traced(request)

    async def traced(request: HttpRequest) -> HttpResponse:
        try:
            instrumentation.process_request(request)
        except DisallowedHost:  # the hook builds the URL of the request, which needs an allowed host
            return json_error(400, "host not allowed")
        response = await get_response(request)
        instrumentation.process_view(request, None)
        answer: HttpResponse = instrumentation.process_response(request, response)
        return answer

    return middleware
