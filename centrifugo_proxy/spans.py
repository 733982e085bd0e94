"""The two spans of a proxy request, made by hand: the instrumentation packages' cost three times as much.

Names and attributes are those of OpenTelemetry's stable HTTP and its RPC conventions:
https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and …/rpc/grpc/.
"""

from collections.abc import Iterable
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

PROPAGATOR: Final = TraceContextTextMapPropagator()
PROPAGATED: Final = (b"traceparent", b"tracestate")
GRPC_OK: Final = 0

Metadata = tuple[tuple[str, str], ...]


class Span:
    """A span that is current until it is ended; this one is off and does nothing."""

    metadata: Metadata = ()

    def end(self, status: int, outcome: str = "") -> None:
        """End with an HTTP (0 = nothing was sent) or a gRPC status code."""


class Tracer:
    """Makes the spans of proxy requests; this one is off."""

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        """The span of an HTTP request, a child of an incoming `traceparent`."""
        return OFF_SPAN

    def client_span(self, service: str, method: str) -> Span:
        """The span of a unary gRPC call, with the `metadata` that carries it on."""
        return OFF_SPAN


OFF_SPAN: Final = Span()
OFF: Final = Tracer()


class _ServerSpan(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._token = otel_context.attach(trace.set_span_in_context(span))

    def end(self, status: int, outcome: str = "") -> None:
        otel_context.detach(self._token)
        if self._span.is_recording():
            self._span.set_attribute("realtime.outcome", outcome)
            if status:
                self._span.set_attribute("http.response.status_code", status)
            if status >= 500:
                self._span.set_attribute("error.type", str(status))
                self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class _ClientSpan(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
        self.metadata = tuple(carrier.items())

    def end(self, status: int, outcome: str = "") -> None:
        if self._span.is_recording():
            self._span.set_attribute("rpc.grpc.status_code", status)
            if status != GRPC_OK:
                self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OtelTracer(Tracer):
    """`Tracer` on an OpenTelemetry tracer; what it samples is the tracer's affair."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        method = scope["method"]
        attributes = {
            "http.request.method": method,
            "http.route": route,
            "url.path": scope["path"],
            "url.scheme": scope["scheme"],
            "network.protocol.version": scope["http_version"],
        }
        if scope.get("server"):
            attributes["server.address"], attributes["server.port"] = scope["server"]
        parent = _parent(scope["headers"])
        return _ServerSpan(
            self._tracer.start_span(f"{method} {route}", parent, kind=SpanKind.SERVER, attributes=attributes)
        )

    def client_span(self, service: str, method: str) -> Span:
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        return _ClientSpan(self._tracer.start_span(f"{service}/{method}", kind=SpanKind.CLIENT, attributes=attributes))


def _parent(headers: Iterable[tuple[bytes, bytes]]) -> otel_context.Context | None:
    carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in PROPAGATED}
    return PROPAGATOR.extract(carrier) if carrier else None
