"""Sample spans and records. Their ids and times come from a number."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from centrifugo_proxy.spans import Called
from realtime_site.tracing.queue import Ended
from realtime_site.tracing.records import NO_STATE, Record, readable

RESOURCE = Resource.create({"service.name": "a-service", "service.version": "1.0.0"})
OURS = InstrumentationScope("centrifugo_proxy", "1.0.0")
THEIRS = InstrumentationScope("opentelemetry.instrumentation.django", "0.66b2", "https://example.org/schema")
FACTS = ("POST", "/centrifugo/connect", "/centrifugo/connect", "http", "1.1", ("127.0.0.1", 9730), 200, "success")
CALLED = (Called("a.Service", "Ask", "a-peer"), 0)


def span(number: int, scope: InstrumentationScope = THEIRS) -> ReadableSpan:
    """A span of the SDK."""
    context = SpanContext(number + 1, number + 1, False, TraceFlags(1))
    return ReadableSpan(
        "a-span", context, None, RESOURCE, {"a": "b", "n": 1}, kind=SpanKind.SERVER,
        start_time=number, end_time=number + 1, instrumentation_scope=scope,
    )  # fmt: skip


def record(number: int) -> Record:
    """A record of the service's tracer; every second one has a parent, and every third one a call."""
    own, parent_id = (number + 1).to_bytes(8), (number % 2).to_bytes(8) if number % 2 else b""
    calls = ((CALLED, (number + 1 << 32).to_bytes(8), number + 1, number + 2),) if number % 3 == 2 else ()
    return (FACTS, (number + 1).to_bytes(16), own, parent_id, False, NO_STATE, number + 1, number + 2, calls)


def as_spans(ended: Ended) -> list[ReadableSpan]:
    """The spans that a record describes; a span describes itself."""
    return readable(ended, RESOURCE, OURS) if isinstance(ended, tuple) else [ended]
