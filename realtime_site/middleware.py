"""Async-native middlewares: a synchronous hook would cost every request a thread."""

from collections.abc import Awaitable, Callable
from functools import cache
from time import perf_counter

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.decorators import async_only_middleware
from django_prometheus.middleware import Metrics, PrometheusAfterMiddleware
from opentelemetry.instrumentation.django.middleware.otel_middleware import _DjangoMiddleware

from centrifugo_proxy.http import error
from centrifugo_proxy.runtime import scope_of

# The proxy endpoints make their own spans; probes and scrapes make none.
UNTRACED = ("/centrifugo/", "/health", "/metrics")

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponse]]


@async_only_middleware
def allowed_hosts(get_response: GetResponse) -> GetResponse:
    """400 for a Host that ALLOWED_HOSTS does not have: nothing else here would look at it."""
    allowed = settings.ALLOWED_HOSTS
    if "*" in allowed:
        raise MiddlewareNotUsed

    async def middleware(request: HttpRequest) -> HttpResponse:
        host = next((value for name, value in scope_of(request)["headers"] if name == b"host"), b"")
        domain, _ = split_domain_port(host.decode("latin-1"))
        if domain and validate_host(domain, allowed):
            return await get_response(request)
        return error(400, "host not allowed")

    return middleware


@async_only_middleware
def django_prometheus_metrics(get_response: GetResponse) -> GetResponse:
    """What django-prometheus' two middlewares count, with the children of a label set bound once."""

    async def middleware(request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        response = await get_response(request)
        match = request.resolver_match
        view = (match and match.view_name) or "<unnamed view>"
        count = _counter(view, _method(request), scope_of(request)["scheme"], response.status_code, response.charset)
        count(len(request.body), len(response.content), perf_counter() - started)
        return response

    return middleware


def _method(request: HttpRequest) -> str:
    method: str = PrometheusAfterMiddleware._method(None, request)  # its closed set of method names
    return method


@cache
def _counter(view: str, method: str, transport: str, status: int, charset: str) -> Callable[[int, int, float], None]:
    metrics = Metrics.get_instance()
    increments = [
        metrics.requests_total.inc,
        metrics.responses_total.inc,
        metrics.requests_by_method.labels(method=method).inc,
        metrics.requests_by_transport.labels(transport=transport).inc,
        metrics.requests_by_view_transport_method.labels(view=view, transport=transport, method=method).inc,
        metrics.responses_by_status.labels(status=str(status)).inc,
        metrics.responses_by_status_view_method.labels(status=str(status), view=view, method=method).inc,
        metrics.responses_by_charset.labels(charset=charset).inc,
    ]
    latency = metrics.requests_latency_by_view_method.labels(view=view, method=method)

    def count(request_bytes: int, response_bytes: int, seconds: float) -> None:
        for increment in increments:
            increment()
        metrics.requests_body_bytes.observe(request_bytes)
        metrics.responses_body_bytes.observe(response_bytes)
        metrics.requests_latency_before.observe(seconds)
        latency.observe(seconds)

    return count


@async_only_middleware
def django_spans(get_response: GetResponse) -> GetResponse:
    """opentelemetry-instrumentation-django, for what the proxy endpoints do not trace themselves.

    Its hooks run here in the event loop; `tracing.open_tracing` puts this middleware in.
    """
    instrumentation = _DjangoMiddleware(get_response)

    async def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(UNTRACED):
            return await get_response(request)
        instrumentation.process_request(request)
        response = await get_response(request)
        instrumentation.process_view(request, None)
        traced: HttpResponse = instrumentation.process_response(request, response)
        return traced

    return middleware
