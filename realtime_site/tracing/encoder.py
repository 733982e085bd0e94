"""Encodes the records of spans for OTLP, and caches their common parts.

OpenTelemetry's own encoder builds a protobuf message for every attribute of every span. Here, the facts of a span (see
records.py) are encoded once and cached. Spans with the same facts differ only in their ids, times, flags and trace
state. An encoded span is its ids and times in fixed places, followed by the cached facts. This works because, in
protobuf, two concatenated encodings are the encoding of the merged message:
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, TraceState

from realtime_site.tracing.records import NO_STATE, Facts, Record, describe

KINDS: Final = {
    SpanKind.SERVER: trace_pb2.Span.SPAN_KIND_SERVER,
    SpanKind.CLIENT: trace_pb2.Span.SPAN_KIND_CLIENT,
}
# Field numbers of opentelemetry/proto/trace/v1/trace.proto and …/collector/trace/v1/trace_service.proto.
RESOURCE_SPANS, SCOPE_SPANS, SPANS = 1, 2, 2
LOCAL_PARENT: Final = int(trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
REMOTE_PARENT: Final = LOCAL_PARENT | int(trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
# The tags of a Span's fields; the tag of an id is followed by the id's length. START and END are the tags of
# start_time_unix_nano and end_time_unix_nano.
TRACE_ID, SPAN_ID, PARENT_ID, FLAGS = b"\x0a\x10", b"\x12\x08", b"\x22\x08", b"\x85\x01"
START, END = 0x39, 0x41
ROOT: Final = Struct("<2s16s2s8sBQBQ")
CHILD: Final = Struct("<2s16s2s8s2s8sBQBQ")
MOST_FRAMES: Final = 1024


class Frame(NamedTuple):
    """The bytes around the ids and times of a span: tag and length before them, and the common fields after them."""

    before: bytes
    after: bytes


class Frames(dict[Facts, tuple[Frame, Frame, Frame]]):
    """The frames of spans with the same facts, for three cases: no parent, a local parent, a remote parent.

    A full cache is emptied, so that facts that differ every time cannot fill it permanently.
    """

    def __missing__(self, facts: Facts) -> tuple[Frame, Frame, Frame]:
        if len(self) >= MOST_FRAMES:
            self.clear()
        shared = encode_shared(facts)
        self[facts] = made = (
            _frame(ROOT.size, LOCAL_PARENT, shared),
            _frame(CHILD.size, LOCAL_PARENT, shared),
            _frame(CHILD.size, REMOTE_PARENT, shared),
        )
        return made


def _frame(size: int, flags: int, shared: bytes) -> Frame:
    after = FLAGS + flags.to_bytes(4, "little") + shared
    return Frame(_tag(size + len(after)), after)


_frames: Final = Frames()


def encode(parts: Sequence[bytes], resource: bytes, scope: bytes) -> bytes:
    """An ExportTraceServiceRequest with the spans of these parts, which come from `encode_records`.

    `resource` and `scope` come from `encode_resource` and `encode_scope`.
    """
    spans = b"".join(parts)
    in_scope = b"".join((bytes([SCOPE_SPANS << 3 | 2]), _varint(len(scope) + len(spans)), scope, spans))
    return b"".join((bytes([RESOURCE_SPANS << 3 | 2]), _varint(len(resource) + len(in_scope)), resource, in_scope))


def encode_records(records: Iterable[Record]) -> bytes:
    """The spans, as fields of a ScopeSpans."""
    parts: list[bytes] = []
    for facts, trace_id, span_id, parent_id, remote, state, start_ns, end_ns, calls in records:
        for call, call_id, call_start_ns, call_end_ns in calls:
            before, after = _frames[call][1]
            own = CHILD.pack(
                TRACE_ID, trace_id, SPAN_ID, call_id, PARENT_ID, span_id, START, call_start_ns, END, call_end_ns
            )
            parts += (before, own, after) if state is NO_STATE else _with_state(own, after, state)
        if parent_id:
            before, after = _frames[facts][2 if remote else 1]
            own = CHILD.pack(TRACE_ID, trace_id, SPAN_ID, span_id, PARENT_ID, parent_id, START, start_ns, END, end_ns)
        else:
            before, after = _frames[facts][0]
            own = ROOT.pack(TRACE_ID, trace_id, SPAN_ID, span_id, START, start_ns, END, end_ns)
        parts += (before, own, after) if state is NO_STATE else _with_state(own, after, state)
    return b"".join(parts)


def _with_state(own: bytes, after: bytes, state: TraceState) -> tuple[bytes, ...]:
    """A span with the trace state of its caller."""
    encoded = trace_pb2.Span(trace_state=state.to_header()).SerializeToString()
    return _tag(len(own) + len(after) + len(encoded)), own, after, encoded


def encode_shared(facts: Facts) -> bytes:
    """The part of the encoding that all spans with these facts share: name, kind, attributes and status."""
    name, kind, status, items = describe(facts)
    return trace_pb2.Span(
        name=name,
        kind=KINDS[kind],
        attributes=[_attribute(key, value) for key, value in items],
        status=trace_pb2.Status(code=status.value),  # type: ignore[arg-type]  # the SDK's numbers are the protocol's
    ).SerializeToString()


def _tag(length: int) -> bytes:
    """The tag of a span in a ScopeSpans, and its length."""
    return bytes([SPANS << 3 | 2]) + _varint(length)


def _attribute(key: str, value: str | int) -> common_pb2.KeyValue:
    if isinstance(value, int):
        return common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(int_value=value))
    return common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(string_value=value))


def encode_scope(instrumentation_scope: InstrumentationScope) -> bytes:
    """A ScopeSpans without spans."""
    name, version = instrumentation_scope.name, instrumentation_scope.version or ""
    return trace_pb2.ScopeSpans(scope=common_pb2.InstrumentationScope(name=name, version=version)).SerializeToString()


def encode_resource(resource: Resource) -> bytes:
    """A ResourceSpans without spans."""
    attributes = [_attribute(key, value) for key, value in resource.attributes.items()]  # type: ignore[arg-type]
    message = trace_pb2.ResourceSpans(schema_url=resource.schema_url)
    message.resource.attributes.extend(attributes)
    return message.SerializeToString()


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
