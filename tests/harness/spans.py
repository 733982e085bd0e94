"""Spans that differ from each other by their ids and times alone."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

RESOURCE = Resource.create({"service.name": "a-service", "service.version": "1.0.0"})
OURS = InstrumentationScope("centrifugo_proxy", "1.0.0")
THEIRS = InstrumentationScope("opentelemetry.instrumentation.django", "0.66b2", "https://example.org/schema")


def span(number: int, scope: InstrumentationScope = OURS) -> ReadableSpan:
    """A span that differs from others by its ids and times alone."""
    context = SpanContext(number + 1, number + 1, False, TraceFlags(1))
    return ReadableSpan(
        "a-span", context, None, RESOURCE, {"a": "b", "n": 1}, kind=SpanKind.SERVER,
        start_time=number, end_time=number + 1, instrumentation_scope=scope,
    )  # fmt: skip
