"""The encoder of spans gives the same messages as the OpenTelemetry package."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import TraceState

from centrifugo_proxy.spans import Called
from realtime_site.tracing.encoder import (
    CHILD,
    MOST_FRAMES,
    ROOT,
    Frames,
    encode,
    encode_records,
    encode_resource,
    encode_scope,
    encode_shared,
)
from realtime_site.tracing.records import NO_STATE, Record, readable
from tests.harness.spans import FACTS, OURS, RESOURCE, record

FLAGS_BYTES = 6

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ports = st.none() | st.integers(1, 65535)
times = st.integers(1, 2**64 - 1)
states = st.sampled_from([TraceState(), TraceState([("a", "1")]), TraceState([("a", "1"), ("b@c", "x=y")])])
server_facts = st.tuples(
    texts, texts, texts, texts, texts, st.none() | st.tuples(texts, ports), st.integers(0, 599), texts
)
client_facts = st.tuples(st.builds(Called, texts, texts, texts), st.integers(0, 16))
trace_ids = st.binary(min_size=16, max_size=16).filter(any)
span_ids = st.binary(min_size=8, max_size=8).filter(any)
calls = st.lists(st.tuples(client_facts, span_ids, times, times), max_size=3).map(tuple)
records = st.tuples(
    server_facts | client_facts, trace_ids, span_ids, st.just(b"") | span_ids, st.booleans(), states, times, times,
    calls,
)  # fmt: skip


def parsed(some: Sequence[Record], resource: Resource = RESOURCE) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(
        encode([encode_records(some)], encode_resource(resource), encode_scope(OURS))
    )


def by_the_package(some: Sequence[Record], resource: Resource = RESOURCE) -> ExportTraceServiceRequest:
    return encode_spans([one for each in some for one in readable(each, resource, OURS)])


@given(st.lists(records, min_size=1, max_size=5))
def test_records_are_encoded_as_the_opentelemetry_package_encodes_their_spans(some: list[Record]) -> None:
    # `remote` is false for a record without a parent.
    some = [(*each[:4], each[4] and each[3] != b"", *each[5:]) for each in some]

    assert parsed(some) == by_the_package(some)


@given(trace_ids, span_ids, st.just(b"") | span_ids, times, times)
def test_ids_and_times_are_the_bytes_that_protobuf_writes(
    trace_id: bytes, span_id: bytes, parent_id: bytes, start_ns: int, end_ns: int
) -> None:
    own = trace_pb2.Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent_id,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=end_ns,
        flags=trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK,
    ).SerializeToString()

    encoded = encode_records([(FACTS, trace_id, span_id, parent_id, False, NO_STATE, start_ns, end_ns, ())])

    assert encoded.endswith(own + encode_shared(FACTS))
    assert len(own) == (CHILD if parent_id else ROOT).size + FLAGS_BYTES


@pytest.mark.parametrize("count", [1, 2, 512, 5000])
def test_any_number_of_records_is_encoded_as_the_opentelemetry_package_encodes_their_spans(count: int) -> None:
    some = [record(number) for number in range(count)]

    assert parsed(some) == by_the_package(some)


@given(st.lists(st.integers(0, 2**70), max_size=4))
def test_a_resource_with_many_attributes_is_encoded_as_the_opentelemetry_package_encodes_it(lengths: list[int]) -> None:
    facts = {f"key.{number}": "v" * (length % 20_000) for number, length in enumerate(lengths)}
    resource = Resource(facts, "https://example.org/s")

    assert parsed([record(1)], resource) == by_the_package([record(1)], resource)


def test_spans_that_all_have_different_facts_use_bounded_memory() -> None:
    frames = Frames()

    sizes = [len(frames) for number in range(3 * MOST_FRAMES) if frames[*FACTS[:2], f"/{number}", *FACTS[3:]]]

    assert max(sizes) <= MOST_FRAMES
