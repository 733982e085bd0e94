"""Encodes the records of spans for OTLP, and remembers their common parts.

The package's encoder builds a protobuf message for every attribute of every span. The proxy's spans differ only in
their ids and times, which have fixed places; the rest is encoded once and appended. In protobuf, two concatenated
encodings are the encoding of the merged message.
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

from realtime_site.tracing.records import Facts, Record, describe

KINDS: Final = {
    SpanKind.SERVER: trace_pb2.Span.SPAN_KIND_SERVER,
    SpanKind.CLIENT: trace_pb2.Span.SPAN_KIND_CLIENT,
}
# Field numbers of opentelemetry/proto/trace/v1/trace.proto and …/collector/trace/v1/trace_service.proto.
RESOURCE_SPANS, SCOPE_SPANS, SPANS = 1, 2, 2
LOCAL_PARENT: Final = int(trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
REMOTE_PARENT: Final = LOCAL_PARENT | int(trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
# The fields of a Span by number, each after its tag (and length): trace_id, span_id, parent_span_id,
# start_time_unix_nano, end_time_unix_nano, flags.
TRACE_ID, SPAN_ID, PARENT_ID, FLAGS = b"\x0a\x10", b"\x12\x08", b"\x22\x08", b"\x85\x01"
START, END = 0x39, 0x41
ROOT: Final = Struct("<2s16s2s8sBQBQ2sI")
CHILD: Final = Struct("<2s16s2s8s2s8sBQBQ2sI")


def encode(parts: Sequence[bytes], resource: Resource, instrumentation_scope: InstrumentationScope) -> bytes:
    """An ExportTraceServiceRequest with the spans of these parts, which come from `encode_records`."""
    scope_spans = _scope(instrumentation_scope.name, instrumentation_scope.version or "") + b"".join(parts)
    return _field(RESOURCE_SPANS, _resource(resource) + _field(SCOPE_SPANS, scope_spans))


def encode_records(records: Iterable[Record]) -> bytes:
    """The spans, as fields of a ScopeSpans."""
    parts: list[bytes] = []
    for facts, trace_id, span_id, parent_id, remote, state, start_ns, end_ns in records:
        trace, span, flags = trace_id.to_bytes(16), span_id.to_bytes(8), REMOTE_PARENT if remote else LOCAL_PARENT
        if parent_id:
            parent = parent_id.to_bytes(8)
            own = CHILD.pack(
                TRACE_ID, trace, SPAN_ID, span, PARENT_ID, parent, START, start_ns, END, end_ns, FLAGS, flags
            )
        else:
            own = ROOT.pack(TRACE_ID, trace, SPAN_ID, span, START, start_ns, END, end_ns, FLAGS, flags)
        if state:
            own += trace_pb2.Span(trace_state=state.to_header()).SerializeToString()
        shared = encode_shared(facts)
        parts += (_tag(len(own) + len(shared)), own, shared)
    return b"".join(parts)


@lru_cache(maxsize=1024)
def encode_shared(facts: Facts) -> bytes:
    """What a span shares with others: everything but its ids and times."""
    name, kind, status, items = describe(facts)
    return trace_pb2.Span(
        name=name,
        kind=KINDS[kind],
        attributes=[_attribute(key, value) for key, value in items],
        status=trace_pb2.Status(code=status.value),  # type: ignore[arg-type]  # the SDK's numbers are the protocol's
    ).SerializeToString()


@lru_cache(maxsize=1024)
def _tag(length: int) -> bytes:
    """The tag of a span in a ScopeSpans, and its length."""
    return bytes([SPANS << 3 | 2]) + _varint(length)


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
