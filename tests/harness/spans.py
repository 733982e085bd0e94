"""Spans and records that differ from each other by their ids and times alone."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, TraceState

from realtime_site.tracing.queue import Ended
from realtime_site.tracing.records import Record, readable

RESOURCE = Resource.create({"service.name": "a-service", "service.version": "1.0.0"})
OURS = InstrumentationScope("centrifugo_proxy", "1.0.0")
THEIRS = InstrumentationScope("opentelemetry.instrumentation.django", "0.66b2", "https://example.org/schema")
FACTS = ("POST", "/centrifugo/connect", "/centrifugo/connect", "http", "1.1", ("127.0.0.1", 9730), 200, "success")


def span(number: int, scope: InstrumentationScope = THEIRS) -> ReadableSpan:
    """A span of the SDK."""
    context = SpanContext(number + 1, number + 1, False, TraceFlags(1))
    return ReadableSpan(
        "a-span", context, None, RESOURCE, {"a": "b", "n": 1}, kind=SpanKind.SERVER,
        start_time=number, end_time=number + 1, instrumentation_scope=scope,
    )  # fmt: skip


def record(number: int) -> Record:
    """A record of ours; every other one has a parent."""
    return (FACTS, number + 1, number + 1, number % 2, False, TraceState(), number + 1, number + 2)


def as_span(ended: Ended) -> ReadableSpan:
    """The span that a record stands for; a span itself."""
    return readable(ended, RESOURCE, OURS) if isinstance(ended, tuple) else ended
