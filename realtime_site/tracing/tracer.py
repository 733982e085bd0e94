"""Records the spans of proxy requests, without the SDK's span object.

Any thread can change a span of the SDK at any time, so the SDK needs a lock, a copy and checks for each attribute
(docs/design/recorded-spans.md). A span of this module is recorded only once, as a tuple (records.py), when it ends.
"""

from collections.abc import Callable
from contextvars import Token
from random import getrandbits
from time import time_ns
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from centrifugo_proxy.spans import Called, Metadata, Span, StartedCall, Tracer
from realtime_site.serving.asgi_types import HAS_TRACEPARENT
from realtime_site.trace_state import is_passed_on
from realtime_site.tracing.records import NO_STATE, Call, Record
from realtime_site.variables.trace_options import Sampling

PROPAGATOR: Final = TraceContextTextMapPropagator()
PARENT: Final = b"traceparent"
STATE: Final = b"tracestate"
# The key of the current span in OpenTelemetry's context.
(CURRENT_SPAN,) = trace.set_span_in_context(INVALID_SPAN, Context())
# Bits that are set in new ids, because an id of zeros is invalid. NOT_ZERO is for a trace id followed by a span id.
NOT_ZERO: Final = 1 << 191 | 1 << 63
NOT_ZERO_SPAN: Final = 1 << 63
NOT_ZERO_TRACE: Final = 1 << 127
_new: Final = object.__new__  # makes an object without the calls of a constructor


class RecordingTracer(Tracer):
    """A `Tracer` that passes sampled spans to `record` when they end.

    It samples by trace id, or follows the parent's decision. The record of a request contains the calls that ended
    before the request ended.
    """

    def __init__(self, record: Callable[[Record], None], sampling: Sampling) -> None:
        self._record = record
        self._bound = TraceIdRatioBased.get_bound_for_rate(sampling.ratio)
        self._keeps_all = sampling.ratio >= 1
        self._parent_based = sampling.parent_based

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        parent = _remote_parent(scope["headers"]) if scope.get(HAS_TRACEPARENT, True) else None
        span = _new(_Request)
        ids = (getrandbits(192) | NOT_ZERO).to_bytes(24)
        span.trace_id, span.span_id = ids[:16], ids[16:]
        if parent is None:
            span.sampled = self._keeps_all or self._samples(span.trace_id)
        else:
            self._put_below(span, parent)
        span.record, span.scope, span.route = self._record, scope, route
        span.token = otel_context.attach(Context({**otel_context.get_current(), CURRENT_SPAN: span}))
        span.start_ns = time_ns()
        return span

    def start_call(self) -> StartedCall:
        above = otel_context.get_value(CURRENT_SPAN)
        if type(above) is not _Request:
            above = self._above()
        span_id = (getrandbits(64) | NOT_ZERO_SPAN).to_bytes(8)
        flags = "01" if above.sampled else "00"
        metadata: Metadata = (("traceparent", f"00-{above.trace_id.hex()}-{span_id.hex()}-{flags}"),)
        if above.state is not NO_STATE:
            metadata += (("tracestate", above.state.to_header()),)
        return metadata, above, span_id, time_ns()

    def end_call(self, call: StartedCall, called: Called, status: int) -> None:
        _, above, span_id, start_ns = call
        if not above.sampled:
            return
        ended = ((called, status), span_id, start_ns, time_ns())
        if above.open:
            above.calls += (ended,)
        else:
            self._record((ended[0], above.trace_id, span_id, above.span_id, above.remote, above.state, *ended[2:], ()))

    def _above(self) -> "_Above":
        """The parent of a call outside of a request: a span of other instrumentation, or a new trace."""
        context = trace.get_current_span().get_span_context()
        above = _Above()
        if context.is_valid:
            self._put_below(above, context)
            above.span_id, above.remote = above.parent_id, context.is_remote
        else:
            above.trace_id, above.span_id = (getrandbits(128) | NOT_ZERO_TRACE).to_bytes(16), b""
            above.sampled = self._samples(above.trace_id)
        return above

    def _put_below(self, span: "_Above | _Request", parent: SpanContext) -> None:
        span.trace_id, span.parent_id = parent.trace_id.to_bytes(16), parent.span_id.to_bytes(8)
        span.state = parent.trace_state or NO_STATE
        span.sampled = parent.trace_flags.sampled if self._parent_based else self._samples(span.trace_id)

    def _samples(self, trace_id: bytes) -> bool:
        return int.from_bytes(trace_id) & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound


class _Above:
    """The parent of a call outside of a request."""

    trace_id: bytes
    span_id: bytes
    sampled: bool
    parent_id = b""
    state = NO_STATE
    remote = open = False
    calls: tuple[Call, ...] = ()


class _Request(NonRecordingSpan, Span):
    """The server span of a request. It is OpenTelemetry's current span until it ends."""

    trace_id: bytes
    span_id: bytes
    sampled: bool
    parent_id = b""
    state = NO_STATE
    remote, open = False, True
    calls: tuple[Call, ...] = ()
    record: Callable[[Record], None]
    scope: dict[str, Any]
    route: str
    token: Token[Context]
    start_ns: int

    def get_span_context(self) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED if self.sampled else TraceFlags.DEFAULT)
        return SpanContext(int.from_bytes(self.trace_id), int.from_bytes(self.span_id), False, flags, self.state)

    def finish(self, status: int, outcome: str = "") -> None:
        otel_context.detach(self.token)
        self.open = False
        if self.sampled:
            scope, parent_id = self.scope, self.parent_id
            facts = (
                scope["method"], self.route, scope["path"], scope["scheme"], scope["http_version"],
                scope.get("server"), status, outcome,
            )  # fmt: skip
            self.record((
                facts, self.trace_id, self.span_id, parent_id, parent_id != b"", self.state, self.start_ns, time_ns(),
                self.calls,
            ))  # fmt: skip


def _remote_parent(headers: list[tuple[bytes, bytes]]) -> SpanContext | None:
    carrier = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if name == PARENT or (name == STATE and is_passed_on(value))
    }
    context = trace.get_current_span(PROPAGATOR.extract(carrier)).get_span_context()
    return context if context.is_valid else None
