"""OpenTelemetry: the provider, its export, and where the instrumentation of Django is put in."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from centrifugo_proxy import spans
from realtime_site.tracing.django_spans import AsyncDjangoInstrumentor
from realtime_site.tracing.otlp import LeanExporter
from realtime_site.tracing.tracer import RecordingTracer

EXPORT_TIMEOUT_S: Final = 3.0
FLUSH_TIMEOUT_S: Final = 5.0
QUEUE_SPANS: Final = 20_000
BATCH_SPANS: Final = 512


@asynccontextmanager
async def open_tracing(
    endpoint: str, service_name: str, version: str, ratio: float, processor: SpanProcessor | None = None
) -> AsyncIterator[spans.Tracer]:
    """A tracer that exports to exactly `endpoint`; flushed, within a bound, at the end.

    `processor` takes the place of the batched OTLP export.
    """
    resource = Resource.create({"service.name": service_name, "service.version": version})
    provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(ratio), shutdown_on_exit=False)
    scope = InstrumentationScope("centrifugo_proxy", version)
    processor = processor or batched_export(endpoint, scope)
    provider.add_span_processor(processor)
    instrumentor = AsyncDjangoInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield RecordingTracer(processor, resource, scope, ratio)
    finally:
        instrumentor.uninstrument()
        await shut_down(provider)


def batched_export(endpoint: str, scope: InstrumentationScope) -> BatchSpanProcessor:
    """Exports to exactly `endpoint`, from a thread of its own."""
    # The endpoint is given here: the SDK's own reading of the variable would append /v1/traces.
    exporter = LeanExporter(endpoint, EXPORT_TIMEOUT_S, scope)
    return BatchSpanProcessor(
        exporter, max_queue_size=QUEUE_SPANS, max_export_batch_size=BATCH_SPANS, schedule_delay_millis=1000
    )


async def shut_down(provider: TracerProvider) -> None:
    """Flush what is queued. A daemon thread, so that a collector that hangs cannot hold up the exit."""
    thread = threading.Thread(target=provider.shutdown, name="flush-spans", daemon=True)
    thread.start()
    await asyncio.to_thread(thread.join, FLUSH_TIMEOUT_S)
