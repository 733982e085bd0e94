"""Spans of the bridge: one for each request with commands, with links to the traces of its records."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bridge.commands import Record
from bridge.delivery.verdicts import Failure
from realtime_site.tracing.setup import batched_export, provider_of, shut_down
from realtime_site.variables.trace_options import TraceOptions

MOST_LINKS: Final = 64
PROPAGATOR: Final = TraceContextTextMapPropagator()
PROPAGATED: Final = ("traceparent", "tracestate")


class RequestSpan:
    """A request in flight."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.headers: Mapping[str, str] = _headers(span)

    def end(self, failure: Failure | None) -> None:
        """End the span. After a failure, the span's `error.type` is the failure's cause; the detail is left out."""
        if failure is not None:
            self._span.set_attribute("error.type", failure.cause)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class BridgeTracer:
    """Makes a span `bridge publish` for each request."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def request(self, records: Sequence[Record], commands: int) -> RequestSpan:
        """Start the span of a request. It has links to at most 64 traces of records."""
        links = _links(records)
        attributes: dict[str, str | int] = {"messaging.system": "kafka", "messaging.batch.message_count": commands}
        return RequestSpan(
            self._tracer.start_span("bridge publish", kind=SpanKind.CLIENT, links=links, attributes=attributes)
        )


def _links(records: Sequence[Record]) -> list[Link]:
    links: list[Link] = []
    for record in records:
        carrier = {name: value.decode("latin-1") for name, value in record.headers if name in PROPAGATED and value}
        if not carrier:
            continue
        context = trace.get_current_span(PROPAGATOR.extract(carrier)).get_span_context()
        if context.is_valid:
            links.append(Link(context))
            if len(links) == MOST_LINKS:
                break
    return links


def _headers(span: trace.Span) -> dict[str, str]:
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return carrier


@asynccontextmanager
async def open_bridge_tracing(
    options: TraceOptions, version: str, processor: SpanProcessor | None = None
) -> AsyncIterator[BridgeTracer]:
    """A tracer with these options. At the end it flushes spans for at most five seconds.

    `processor` replaces the batched OTLP export.
    """
    resource, provider = provider_of(options, version)
    scope = InstrumentationScope("bridge", version)
    provider.add_span_processor(processor or batched_export(options, resource, scope))
    try:
        yield BridgeTracer(provider.get_tracer("bridge", version))
    finally:
        await shut_down(provider)
