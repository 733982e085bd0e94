"""Encodes spans for OTLP, and caches their common parts.

The package's encoder builds a protobuf message for every attribute of every span. The proxy's spans differ only in
their ids and times, so the rest is encoded once and appended: in protobuf, two concatenated encodings are the encoding
of the merged message.
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

Items = tuple[tuple[str, str | int], ...]

KINDS: Final = {
    SpanKind.SERVER: trace_pb2.Span.SPAN_KIND_SERVER,
    SpanKind.CLIENT: trace_pb2.Span.SPAN_KIND_CLIENT,
}
# Field numbers of opentelemetry/proto/trace/v1/trace.proto and …/collector/trace/v1/trace_service.proto.
RESOURCE_SPANS, SCOPE_SPANS, SPANS = 1, 2, 2


def encode(spans: Sequence[ReadableSpan], instrumentation_scope: InstrumentationScope) -> bytes:
    """An ExportTraceServiceRequest with these spans, which have the same resource and scope."""
    scope_spans = _scope(instrumentation_scope.name, instrumentation_scope.version or "")
    scope_spans += b"".join([_field(SPANS, encode_span(span)) for span in spans])
    return _field(RESOURCE_SPANS, _resource(spans[0].resource) + _field(SCOPE_SPANS, scope_spans))


def encode_span(span: ReadableSpan) -> bytes:
    """One span: its ids and times, then the part that it shares with others."""
    context, parent = span.context, span.parent
    own = trace_pb2.Span(
        trace_id=context.trace_id.to_bytes(16),
        span_id=context.span_id.to_bytes(8),
        parent_span_id=parent.span_id.to_bytes(8) if parent else b"",
        trace_state=context.trace_state.to_header(),
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        flags=_flags(remote_parent=parent is not None and parent.is_remote),
    )
    items: Items = tuple((span.attributes or {}).items())  # type: ignore[arg-type]  # str and int only
    return own.SerializeToString() + _common(span.name, span.kind, span.status.status_code.value, items)


def _flags(*, remote_parent: bool) -> int:
    known = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
    return known | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK if remote_parent else known


@lru_cache(maxsize=1024)
def _common(name: str, kind: SpanKind, status: int, items: Items) -> bytes:
    return trace_pb2.Span(
        name=name,
        kind=KINDS[kind],
        attributes=[_attribute(key, value) for key, value in items],
        status=trace_pb2.Status(code=status),  # type: ignore[arg-type]  # the SDK's numbers are the protocol's
    ).SerializeToString()


def _attribute(key: str, value: str | int) -> common_pb2.KeyValue:
    if isinstance(value, int):
        return common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(int_value=value))
    return common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(string_value=value))


@lru_cache(maxsize=16)
def _scope(name: str, version: str) -> bytes:
    scope = common_pb2.InstrumentationScope(name=name, version=version)
    return trace_pb2.ScopeSpans(scope=scope).SerializeToString()


@lru_cache(maxsize=16)
def _resource(resource: Resource) -> bytes:
    """A ResourceSpans without spans; a resource is hashed by its attributes, and lives as long as the process."""
    attributes = [_attribute(key, value) for key, value in resource.attributes.items()]  # type: ignore[arg-type]
    message = trace_pb2.ResourceSpans(schema_url=resource.schema_url)
    message.resource.attributes.extend(attributes)
    return message.SerializeToString()


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
