"""What is exported means the same as what the OpenTelemetry package would have sent."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from realtime_site.tracing.otlp import LeanExporter, encode
from tests.harness.collector import Collector, collector

RESOURCE = Resource.create({"service.name": "a-service", "service.version": "1.0.0"})
OURS = InstrumentationScope("centrifugo_proxy", "1.0.0")
THEIRS = InstrumentationScope("opentelemetry.instrumentation.django", "0.66b2", "https://example.org/schema")

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


def span(number: int, scope: InstrumentationScope = OURS) -> ReadableSpan:
    """A span that differs from others by its ids and times alone."""
    context = SpanContext(number + 1, number + 1, False, TraceFlags(1))
    return ReadableSpan(
        "a-span", context, None, RESOURCE, {"a": "b", "n": 1}, kind=SpanKind.SERVER,
        start_time=number, end_time=number + 1, instrumentation_scope=scope,
    )  # fmt: skip


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


def spans_by_scope(sink: Collector) -> dict[str, list[Span]]:
    """What has arrived, by the scope's name."""
    found: dict[str, list[Span]] = {}
    for resource in (resource for export in sink.exports for resource in export.resource_spans):
        for scope in resource.scope_spans:
            found.setdefault(scope.scope.name, []).extend(scope.spans)
    return found


def expected(some: Sequence[ReadableSpan]) -> dict[str, list[Span]]:
    return spans_by_scope(Collector("", exports=[encode_spans(some)]))


MIXED = {
    "none": [],
    "one of ours": [span(0)],
    "one of theirs": [span(0, THEIRS)],
    "both": [span(0), span(1, THEIRS), span(2), span(3, THEIRS)],
    "many": [span(number, THEIRS if number % 7 == 0 else OURS) for number in range(1000)],
    "an equal scope that is not ours": [span(0, InstrumentationScope("centrifugo_proxy", "1.0.0")), span(1)],
}


@pytest.mark.parametrize("some", MIXED.values(), ids=MIXED)
def test_each_span_arrives_once_under_its_own_scope(some: list[ReadableSpan]) -> None:
    with collector() as sink:
        exporter = LeanExporter(sink.url, 5, OURS)
        result = exporter.export(some)
        exporter.shutdown()  # type: ignore[no-untyped-call]

    assert result is SpanExportResult.SUCCESS
    assert by_id(spans_by_scope(sink)) == by_id(expected(some))
    assert {resource.resource.SerializeToString() for resource in resources(sink)} <= {encoded_resource()}
    assert len(sink.exports) == 1


def by_id(scopes: dict[str, list[Span]]) -> dict[str, list[Span]]:
    return {name: sorted(some, key=lambda each: each.span_id) for name, some in scopes.items()}


def resources(sink: Collector) -> list[ResourceSpans]:
    return [resource for export in sink.exports for resource in export.resource_spans]


def encoded_resource() -> bytes:
    [resource] = encode_spans([span(0)]).resource_spans
    return resource.resource.SerializeToString()


def test_a_collector_that_is_not_there_is_a_failure_and_not_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    exporter = LeanExporter("http://127.0.0.1:1/v1/traces", 0.2, OURS)

    result = exporter.export([span(0)])
    exporter.shutdown()  # type: ignore[no-untyped-call]

    assert result is SpanExportResult.FAILURE


def test_nothing_is_sent_after_shutdown() -> None:
    with collector() as sink:
        exporter = LeanExporter(sink.url, 5, OURS)
        exporter.shutdown()  # type: ignore[no-untyped-call]

        assert exporter.export([span(0)]) is SpanExportResult.FAILURE
    assert sink.exports == []
