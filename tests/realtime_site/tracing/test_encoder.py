"""What is encoded means the same as what the OpenTelemetry package would have encoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from realtime_site.tracing.encoder import encode
from tests.harness.spans import OURS, RESOURCE, span

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
numbers = st.integers(-(2**63), 2**63 - 1)
times = st.integers(0, 2**64 - 1)
states = st.sampled_from([TraceState(), TraceState([("a", "1")]), TraceState([("a", "1"), ("b@c", "x=y")])])
contexts = st.builds(
    SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans(), st.just(TraceFlags(1)), states
)
spans = st.builds(
    ReadableSpan,
    name=texts,
    context=contexts,
    parent=st.none() | contexts,
    resource=st.just(RESOURCE),
    attributes=st.dictionaries(texts.filter(bool), texts | numbers, max_size=12),
    kind=st.sampled_from([SpanKind.SERVER, SpanKind.CLIENT]),
    status=st.builds(Status, st.sampled_from(StatusCode)),
    start_time=times,
    end_time=times,
    instrumentation_scope=st.just(OURS),
)


def parsed(body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(body)


@given(st.lists(spans, min_size=1, max_size=5))
def test_any_spans_are_encoded_as_the_package_encodes_them(some: list[ReadableSpan]) -> None:
    assert parsed(encode(some, OURS)) == encode_spans(some)


@pytest.mark.parametrize("count", [1, 2, 512, 5000])
def test_any_number_of_spans_is_encoded_as_the_package_encodes_them(count: int) -> None:
    some = [span(number) for number in range(count)]

    assert parsed(encode(some, OURS)) == encode_spans(some)


@given(st.lists(st.integers(0, 2**70), max_size=4))
def test_a_resource_of_many_attributes_is_encoded_as_the_package_encodes_it(lengths: list[int]) -> None:
    facts = {f"key.{number}": "v" * (length % 20_000) for number, length in enumerate(lengths)}
    some = [ReadableSpan("a-span", span(1).context, resource=Resource(facts, "https://example.org/s"),
                         kind=SpanKind.CLIENT, start_time=1, end_time=2, instrumentation_scope=OURS)]  # fmt: skip

    assert parsed(encode(some, OURS)) == encode_spans(some)
