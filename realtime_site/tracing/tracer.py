"""Records the spans of proxy requests with the SDK's data and processors, but without its span object.

The SDK's spans can change from any thread at any time. That takes locks, copies and checks for every attribute, which
are most of a span's cost (docs/performance.md). Ours are recorded once, when they end.
Names and attributes follow OpenTelemetry's HTTP and RPC conventions:
https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
"""

from random import getrandbits
from time import time_ns
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from centrifugo_proxy.spans import Span, Tracer
from realtime_site.trace_options import Sampling

PROPAGATOR: Final = TraceContextTextMapPropagator()
PROPAGATED: Final = (b"traceparent", b"tracestate")
SAMPLED, UNSAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)
UNSET, ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
Attributes = dict[str, str | int]


class RecordingTracer(Tracer):
    """`Tracer` that samples by trace id and hands ended spans to `processor`."""

    def __init__(
        self,
        processor: SpanProcessor,
        resource: Resource,
        instrumentation_scope: InstrumentationScope,
        sampling: Sampling,
    ) -> None:
        self._processor = processor
        self._resource = resource
        self._instrumentation_scope = instrumentation_scope
        self._bound = TraceIdRatioBased.get_bound_for_rate(sampling.ratio)
        self._parent_based = sampling.parent_based

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        parent = _remote_parent(scope["headers"])
        return _ServerSpan(self, self._context(parent), parent, scope, route)

    def client_span(self, service: str, method: str, peer: str = "") -> Span:
        current = trace.get_current_span().get_span_context()
        parent = current if current.is_valid else None
        return _ClientSpan(self, self._context(parent), parent, (service, method, peer))

    def _context(self, parent: SpanContext | None) -> SpanContext:
        """The ids of a new span, and whether it is sampled."""
        span_id = getrandbits(64) or 1
        if parent is None:
            trace_id = getrandbits(128) or 1
            return SpanContext(trace_id, span_id, False, self._flags(trace_id))
        flags = parent.trace_flags if self._parent_based else self._flags(parent.trace_id)
        return SpanContext(parent.trace_id, span_id, False, flags, parent.trace_state)

    def _flags(self, trace_id: int) -> TraceFlags:
        sampled = trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound
        return SAMPLED if sampled else UNSAMPLED

    def record(
        self,
        *,
        name: str,
        kind: SpanKind,
        context: SpanContext,
        parent: SpanContext | None,
        start_ns: int,
        attributes: Attributes,
        status: Status,
    ) -> None:
        """Record a span that has just ended."""
        self._processor.on_end(
            ReadableSpan(
                name,
                context,
                parent,
                self._resource,
                attributes,
                kind=kind,
                status=status,
                start_time=start_ns,
                end_time=time_ns(),
                instrumentation_scope=self._instrumentation_scope,
            )
        )


class _ServerSpan(Span):
    def __init__(
        self,
        tracer: RecordingTracer,
        context: SpanContext,
        parent: SpanContext | None,
        scope: dict[str, Any],
        route: str,
    ) -> None:
        self._tracer, self._context, self._parent, self._scope, self._route = tracer, context, parent, scope, route
        self._token = otel_context.attach(trace.set_span_in_context(NonRecordingSpan(context)))
        self._start_ns = time_ns()

    def end(self, status: int, outcome: str = "") -> None:
        otel_context.detach(self._token)
        if not self._context.trace_flags.sampled:
            return
        self._tracer.record(
            name=f"{self._scope['method']} {self._route}",
            kind=SpanKind.SERVER,
            context=self._context,
            parent=self._parent,
            start_ns=self._start_ns,
            attributes=_http_attributes(self._scope, self._route, status, outcome),
            status=ERROR if status >= 500 else UNSET,
        )


class _ClientSpan(Span):
    def __init__(
        self, tracer: RecordingTracer, context: SpanContext, parent: SpanContext | None, called: tuple[str, str, str]
    ) -> None:
        self._tracer, self._context, self._parent = tracer, context, parent
        self._service, self._method, self._peer = called
        self.metadata = _metadata(context)
        self._start_ns = time_ns()

    def end(self, status: int, outcome: str = "") -> None:
        if not self._context.trace_flags.sampled:
            return
        attributes: Attributes = {
            "rpc.system": "grpc",
            "rpc.service": self._service,
            "rpc.method": self._method,
            "rpc.grpc.status_code": status,
        }
        if self._peer:
            attributes["peer.service"] = self._peer
        self._tracer.record(
            name=f"{self._service}/{self._method}",
            kind=SpanKind.CLIENT,
            context=self._context,
            parent=self._parent,
            start_ns=self._start_ns,
            attributes=attributes,
            status=ERROR if status else UNSET,
        )


def _http_attributes(scope: dict[str, Any], route: str, status: int, outcome: str) -> Attributes:
    attributes: Attributes = {
        "http.request.method": scope["method"],
        "http.route": route,
        "url.path": scope["path"],
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
        "realtime.outcome": outcome,
    }
    if server := scope.get("server"):
        attributes["server.address"], attributes["server.port"] = server
    if status:
        attributes["http.response.status_code"] = status
    if status >= 500:
        attributes["error.type"] = str(status)
    return attributes


def _remote_parent(headers: list[tuple[bytes, bytes]]) -> SpanContext | None:
    carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in PROPAGATED}
    if not carrier:
        return None
    context = trace.get_current_span(PROPAGATOR.extract(carrier)).get_span_context()
    return context if context.is_valid else None


def _metadata(context: SpanContext) -> tuple[tuple[str, str], ...]:
    """The W3C trace context, as gRPC metadata."""
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    if not context.trace_state:
        return (("traceparent", parent),)
    return (("traceparent", parent), ("tracestate", context.trace_state.to_header()))
