"""Records the spans of proxy requests, without the SDK's span object.

The SDK's spans can change from any thread at any time. That takes locks, copies and checks for every attribute, which
are most of a span's cost (docs/performance.md). Ours are recorded once, when they end, as a tuple (records.py).
"""

from collections.abc import Callable
from random import getrandbits
from time import time_ns
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from centrifugo_proxy.spans import Metadata, Span, Tracer
from realtime_site.trace_options import Sampling
from realtime_site.tracing.records import Record

PROPAGATOR: Final = TraceContextTextMapPropagator()
PROPAGATED: Final = (b"traceparent", b"tracestate")
NO_STATE: Final = TraceState()


class _Current(NonRecordingSpan):
    """The current span of a request, for the client spans below it and for other instrumentation."""

    def __init__(self, span: "_ServerSpan") -> None:
        self.span = span

    def get_span_context(self) -> SpanContext:
        span = self.span
        flags = TraceFlags(TraceFlags.SAMPLED if span.sampled else TraceFlags.DEFAULT)
        return SpanContext(span.trace_id, span.span_id, False, flags, span.state)


# The trace of a new span and its parent: trace_id, span_id (0: none), sampled, state, and whether the parent is remote.
Parent = tuple[int, int, bool, TraceState, bool]


class RecordingTracer(Tracer):
    """`Tracer` that samples by trace id and hands sampled spans to `record` when they end."""

    def __init__(self, record: Callable[[Record], None], sampling: Sampling) -> None:
        self.record = record
        self._bound = TraceIdRatioBased.get_bound_for_rate(sampling.ratio)
        self._parent_based = sampling.parent_based

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        return _ServerSpan(self.record, self._parent(_remote_parent(scope["headers"])), scope, route)

    def client_span(self, service: str, method: str, peer: str = "") -> Span:
        current = trace.get_current_span()
        if isinstance(current, _Current):
            above = current.span
            parent = (above.trace_id, above.span_id, above.sampled, above.state, False)
        else:
            context = current.get_span_context()
            parent = self._parent(context if context.is_valid else None)
        return _ClientSpan(self.record, parent, service, method, peer)

    def _parent(self, context: SpanContext | None) -> Parent:
        """The parent with this context; without one the beginning of a new trace."""
        if context is None:
            trace_id = getrandbits(128) or 1
            return trace_id, 0, self._samples(trace_id), NO_STATE, False
        trace_id, span_id, remote, flags, state, _ = context
        sampled = flags.sampled if self._parent_based else self._samples(trace_id)
        return trace_id, span_id, sampled, state, remote

    def _samples(self, trace_id: int) -> bool:
        return trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound


class _ServerSpan(Span):
    __slots__ = (
        "_parent_id", "_record", "_remote", "_route", "_scope", "_start_ns", "_token", "sampled", "span_id", "state",
        "trace_id",
    )  # fmt: skip

    def __init__(self, record: Callable[[Record], None], parent: Parent, scope: dict[str, Any], route: str) -> None:
        self.trace_id, self._parent_id, self.sampled, self.state, self._remote = parent
        self.span_id = getrandbits(64) or 1
        self._record, self._scope, self._route = record, scope, route
        self._token = otel_context.attach(trace.set_span_in_context(_Current(self)))
        self._start_ns = time_ns()

    def end(self, status: int, outcome: str = "") -> None:
        otel_context.detach(self._token)
        if self.sampled:
            scope = self._scope
            facts = (
                scope["method"], self._route, scope["path"], scope["scheme"], scope["http_version"],
                scope.get("server"), status, outcome,
            )  # fmt: skip
            self._record((
                facts, self.trace_id, self.span_id, self._parent_id, self._remote, self.state, self._start_ns,
                time_ns(),
            ))  # fmt: skip


class _ClientSpan(Span):
    __slots__ = ("_called", "_parent", "_record", "_span_id", "_start_ns", "metadata")

    def __init__(self, record: Callable[[Record], None], parent: Parent, service: str, method: str, peer: str) -> None:
        self._record, self._parent, self._called = record, parent, (service, method, peer)
        self._span_id = getrandbits(64) or 1
        trace_id, _, sampled, state, _ = parent
        self.metadata = _metadata(trace_id, self._span_id, state, sampled=sampled)
        self._start_ns = time_ns()

    def end(self, status: int, outcome: str = "") -> None:
        trace_id, parent_id, sampled, state, remote = self._parent
        if sampled:
            facts = (*self._called, status)
            self._record((facts, trace_id, self._span_id, parent_id, remote, state, self._start_ns, time_ns()))


def _metadata(trace_id: int, span_id: int, state: TraceState, *, sampled: bool) -> Metadata:
    """The W3C trace context of a span, as gRPC metadata."""
    trace_context = ("traceparent", f"00-{trace_id:032x}-{span_id:016x}-{sampled:02x}")
    return (trace_context, ("tracestate", state.to_header())) if state else (trace_context,)


def _remote_parent(headers: list[tuple[bytes, bytes]]) -> SpanContext | None:
    if b"traceparent" not in next(zip(*headers, strict=True), ()):  # without it a tracestate says nothing
        return None
    carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in PROPAGATED}
    context = trace.get_current_span(PROPAGATOR.extract(carrier)).get_span_context()
    return context if context.is_valid else None
