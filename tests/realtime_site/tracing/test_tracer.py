"""The tracer samples and propagates as the OpenTelemetry SDK does, and connects the spans of a request."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import Decision, ParentBasedTraceIdRatio
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from centrifugo_proxy.spans import Called
from realtime_site.tracing.records import Record
from realtime_site.tracing.tracer import RecordingTracer
from realtime_site.variables.trace_options import Sampling
from tests.harness.spans import as_spans

PROPAGATOR = TraceContextTextMapPropagator()
ROUTE = "/centrifugo/connect"
CALLED = Called("a.Service", "Ask")


class Recorder:
    """A tracer with this sampling ratio, and the spans that it has recorded."""

    def __init__(self, ratio: float = 1.0, *, parent_based: bool = True) -> None:
        self.records: list[Record] = []
        self.tracer = RecordingTracer(self.records.append, Sampling(ratio, parent_based))

    def spans(self) -> tuple[ReadableSpan, ...]:
        return tuple(span for record in self.records for span in as_spans(record))


def request(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"method": "POST", "path": ROUTE, "scheme": "http", "http_version": "1.1", "headers": list(headers)}


def carried(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("ratio", [0.0, 0.001, 0.25, 0.5, 1.0])
def test_new_traces_are_sampled_as_by_the_opentelemetry_sdk(ratio: float) -> None:
    recorder, sampler = Recorder(ratio), ParentBasedTraceIdRatio(ratio)

    metadata = [dict(recorder.tracer.start_call()[0]) for _ in range(1000)]

    contexts = [trace.get_current_span(PROPAGATOR.extract(each)).get_span_context() for each in metadata]
    decisions = [sampler.should_sample(None, each.trace_id, "").decision for each in contexts]
    assert [each.trace_flags.sampled for each in contexts] == [each is Decision.RECORD_AND_SAMPLE for each in decisions]
    assert len({each.trace_id for each in contexts}) == len({each.span_id for each in contexts}) == 1000


@pytest.mark.parametrize("flags", [TraceFlags.DEFAULT, TraceFlags.SAMPLED])
@pytest.mark.parametrize(("ratio", "spans"), [(0.0, 0), (1.0, 2)])
def test_without_parent_based_sampling_the_ratio_decides_for_both_spans(flags: int, ratio: float, spans: int) -> None:
    recorder = Recorder(ratio, parent_based=False)
    traceparent = f"00-{0xABC:032x}-{0xDEF:016x}-{flags:02x}"

    server = recorder.tracer.server_span(request(*carried({"traceparent": traceparent})), ROUTE)
    call = recorder.tracer.start_call()
    recorder.tracer.end_call(call, CALLED, 0)
    server.finish(200)

    assert len(recorder.spans()) == spans
    assert dict(call[0])["traceparent"].startswith(f"00-{0xABC:032x}-")


@pytest.mark.parametrize("flags", [TraceFlags.DEFAULT, TraceFlags.SAMPLED])
@pytest.mark.parametrize("state", [TraceState(), TraceState([("a", "1"), ("b", "x=y")])], ids=["", "state"])
def test_the_metadata_of_a_call_is_what_opentelemetrys_propagator_writes(flags: int, state: TraceState) -> None:
    incoming: dict[str, str] = {}
    parent = SpanContext(0xABC, 0xDEF, True, TraceFlags(flags), state)
    PROPAGATOR.inject(incoming, trace.set_span_in_context(NonRecordingSpan(parent)))
    recorder = Recorder(ratio=0.5)

    server = recorder.tracer.server_span(request(*carried(incoming)), ROUTE)
    outgoing = dict(recorder.tracer.start_call()[0])
    server.finish(200)

    sent = trace.get_current_span(PROPAGATOR.extract(outgoing)).get_span_context()
    again: dict[str, str] = {}
    PROPAGATOR.inject(again, trace.set_span_in_context(NonRecordingSpan(sent)))
    assert outgoing == again
    assert (sent.trace_id, sent.trace_flags, sent.trace_state) == (0xABC, flags, state)


header_values = st.one_of(
    st.binary(max_size=80),
    st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True),
    st.from_regex(rb"[a-z]=[ -~]{0,20}(,[a-z]=[ -~]{0,20}){0,3}", fullmatch=True),
)


@given(st.lists(st.tuples(st.sampled_from([b"traceparent", b"tracestate", b"host"]), header_values), max_size=4))
def test_arbitrary_trace_headers_give_a_valid_span_or_an_unsampled_request(headers: list[tuple[bytes, bytes]]) -> None:
    recorder = Recorder()

    recorder.tracer.server_span(request(*headers), ROUTE).finish(200, "success")

    sampled = [each.context.trace_flags.sampled for each in recorder.spans()]
    assert sampled in ([True], [])  # [] if the caller's decision was not to sample
    assert all(each.context.is_valid for each in recorder.spans())


def test_the_server_span_is_current_until_it_ends() -> None:
    recorder = Recorder()
    before = trace.get_current_span()

    span = recorder.tracer.server_span(request(), ROUTE)
    current = trace.get_current_span().get_span_context()
    span.finish(200, "success")

    [recorded] = recorder.spans()
    assert current == recorded.context
    assert trace.get_current_span() is before


def test_an_unsampled_request_propagates_its_trace_and_records_nothing() -> None:
    recorder = Recorder(ratio=0.0)

    server = recorder.tracer.server_span(request(), ROUTE)
    call = recorder.tracer.start_call()
    recorder.tracer.end_call(call, CALLED, 0)
    server.finish(500)

    assert dict(call[0])["traceparent"].endswith("-00")
    assert recorder.spans() == ()


def test_the_times_of_a_call_are_within_those_of_its_request() -> None:
    recorder = Recorder()

    server = recorder.tracer.server_span(request(), ROUTE)
    recorder.tracer.end_call(recorder.tracer.start_call(), CALLED, 0)
    server.finish(200)

    client, outer = recorder.spans()
    assert (outer.start_time or 0) <= (client.start_time or 0) <= (client.end_time or 0) <= (outer.end_time or 0)


def test_the_spans_of_calls_are_children_of_the_requests_span_and_have_their_own_ids() -> None:
    recorder = Recorder()

    server = recorder.tracer.server_span(request(), ROUTE)
    calls = [recorder.tracer.start_call() for _ in range(3)]
    for call in calls:
        recorder.tracer.end_call(call, CALLED, 0)
    server.finish(200, "success")

    *below, above = recorder.spans()
    assert [each.parent for each in below] == [above.context] * 3
    assert len({each.context.span_id for each in (*below, above)}) == 4
    sent = [dict(call[0])["traceparent"].split("-") for call in calls]
    assert sent == [["00", f"{each.context.trace_id:032x}", f"{each.context.span_id:016x}", "01"] for each in below]


def test_a_call_that_outlives_its_request_is_recorded_once_as_a_child_of_the_request() -> None:
    recorder = Recorder()

    server = recorder.tracer.server_span(request(), ROUTE)
    call = recorder.tracer.start_call()
    server.finish(0, "cancelled")
    recorder.tracer.end_call(call, CALLED, 1)

    above, late = recorder.spans()
    assert (late.parent, late.context.trace_id) == (above.context, above.context.trace_id)


def test_a_call_outside_of_a_request_is_a_child_of_the_current_span_or_begins_a_trace() -> None:
    recorder = Recorder()
    parent = SpanContext(0xABC, 0xDEF, False, TraceFlags(TraceFlags.SAMPLED))

    with trace.use_span(NonRecordingSpan(parent)):
        recorder.tracer.end_call(recorder.tracer.start_call(), CALLED, 0)
    recorder.tracer.end_call(recorder.tracer.start_call(), CALLED, 0)

    below, alone = recorder.spans()
    assert (below.parent, below.context.trace_id) == (parent, 0xABC)
    assert alone.parent is None
    assert alone.context.trace_id != 0xABC


def test_consecutive_requests_share_no_span_and_no_trace() -> None:
    recorder = Recorder()

    for _ in range(1000):
        server = recorder.tracer.server_span(request(), ROUTE)
        recorder.tracer.end_call(recorder.tracer.start_call(), CALLED, 0)
        server.finish(200, "success")

    spans = recorder.spans()
    assert len({span.context.span_id for span in spans}) == len(spans) == 2000
    assert len({span.context.trace_id for span in spans}) == 1000
    assert all(client.parent == server.context for client, server in zip(spans[::2], spans[1::2], strict=True))


def test_other_values_in_opentelemetrys_context_stay_while_a_request_is_answered() -> None:
    recorder = Recorder()
    token = otel_context.attach(otel_context.set_value("a-key", "a-value"))

    server = recorder.tracer.server_span(request(), ROUTE)
    during = otel_context.get_value("a-key")
    server.finish(200, "success")

    assert (during, otel_context.get_value("a-key")) == ("a-value", "a-value")
    otel_context.detach(token)
