"""opentelemetry-instrumentation-django, for what the proxy endpoints do not trace themselves."""

from typing import Final

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.django.middleware.otel_middleware import _DjangoMiddleware

from centrifugo_proxy.protocol.codes import PATH_PREFIX
from centrifugo_proxy.web.responses import json_error
from realtime_site.serving.middleware import GetResponse

# The proxy endpoints make their own spans; probes and scrapes make none.
UNTRACED: Final = (PATH_PREFIX, "/health", "/metrics")


class AsyncDjangoInstrumentor(DjangoInstrumentor):
    """The package's instrumentor, made to put in our async-native middleware in place of its own."""

    _opentelemetry_middleware = "realtime_site.tracing.django_spans.django_spans"


@async_only_middleware
def django_spans(get_response: GetResponse) -> GetResponse:
    """The package's hooks, run in the event loop instead of in threads."""
    instrumentation = _DjangoMiddleware(get_response)

    async def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(UNTRACED):
            return await get_response(request)
        try:
            instrumentation.process_request(request)
        except DisallowedHost:  # it builds the request's URL; nothing else here asks for a host that is none
            return json_error(400, "host not allowed")
        response = await get_response(request)
        instrumentation.process_view(request, None)
        traced: HttpResponse = instrumentation.process_response(request, response)
        return traced

    return middleware
