"""Sets up OpenTelemetry: the provider, the export, and the instrumentation of Django."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from centrifugo_proxy import spans
from realtime_site.tracing.django_spans import AsyncDjangoInstrumentor
from realtime_site.tracing.otlp import LeanExporter
from realtime_site.tracing.queue import SpanQueue
from realtime_site.tracing.records import Record, readable
from realtime_site.tracing.tracer import RecordingTracer
from realtime_site.variables.trace_options import SERVICE_NAME, TraceOptions

FLUSH_TIMEOUT_S: Final = 5.0


@asynccontextmanager
async def open_tracing(
    options: TraceOptions, version: str, processor: SpanProcessor | None = None
) -> AsyncIterator[spans.Tracer]:
    """A tracer with these options. At the end it flushes spans for at most five seconds.

    `processor` replaces the batched OTLP export.
    """
    resource, provider = provider_of(options, version)
    scope = InstrumentationScope("centrifugo_proxy", version)
    processor = processor or batched_export(options, resource, scope)
    provider.add_span_processor(processor)
    instrumentor = AsyncDjangoInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield RecordingTracer(_record_into(processor, resource, scope), options.sampling)
    finally:
        instrumentor.uninstrument()
        await shut_down(provider)


def provider_of(options: TraceOptions, version: str) -> tuple[Resource, TracerProvider]:
    """The SDK's provider with these options, and its resource."""
    resource = Resource.create({"service.name": _service_name(options), "service.version": version})
    ratio = TraceIdRatioBased(options.sampling.ratio)
    sampler = ParentBased(ratio) if options.sampling.parent_based else ratio
    return resource, TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)


def _service_name(options: TraceOptions) -> str:
    """OTEL_SERVICE_NAME if set, else `service.name` in OTEL_RESOURCE_ATTRIBUTES, else SERVICE_NAME."""
    detected = OTELResourceDetector().detect().attributes.get("service.name")
    return options.service_name if options.service_name != SERVICE_NAME else str(detected or SERVICE_NAME)


def batched_export(options: TraceOptions, resource: Resource, scope: InstrumentationScope) -> SpanQueue:
    """A processor that exports with these options in its own thread."""
    return SpanQueue(LeanExporter(options, resource, scope), delay_s=options.delay_s)


def _record_into(processor: SpanProcessor, resource: Resource, scope: InstrumentationScope) -> Callable[[Record], None]:
    """The function that records the spans of a request. Processors of the SDK accept only the SDK's spans."""
    if isinstance(processor, SpanQueue):
        return processor.add

    def end_each(record: Record) -> None:
        for span in readable(record, resource, scope):
            processor.on_end(span)

    return end_each


async def shut_down(provider: TracerProvider) -> None:
    """Flush queued spans, in a daemon thread: a collector that hangs delays the exit by at most FLUSH_TIMEOUT_S."""
    thread = threading.Thread(target=provider.shutdown, name="flush-spans", daemon=True)
    thread.start()
    await asyncio.to_thread(thread.join, FLUSH_TIMEOUT_S)
