"""Our spans are what the OpenTelemetry SDK would have made of the same request."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import Decision, ParentBasedTraceIdRatio
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from realtime_site.trace_options import Sampling
from realtime_site.tracing.records import Record
from realtime_site.tracing.tracer import RecordingTracer
from tests.harness.spans import as_span

PROPAGATOR = TraceContextTextMapPropagator()
ROUTE = "/centrifugo/connect"


class Recorder:
    """A tracer with this ratio, and what it has recorded."""

    def __init__(self, ratio: float = 1.0, *, parent_based: bool = True) -> None:
        self.records: list[Record] = []
        self.tracer = RecordingTracer(self.records.append, Sampling(ratio, parent_based))

    def spans(self) -> tuple[ReadableSpan, ...]:
        return tuple(map(as_span, self.records))


def request(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"method": "POST", "path": ROUTE, "scheme": "http", "http_version": "1.1", "headers": list(headers)}


def carried(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("ratio", [0.0, 0.001, 0.25, 0.5, 1.0])
def test_new_traces_are_sampled_as_the_sdk_would_sample_them(ratio: float) -> None:
    recorder, sampler = Recorder(ratio), ParentBasedTraceIdRatio(ratio)

    metadata = [dict(recorder.tracer.client_span("a.Service", "Ask").metadata) for _ in range(1000)]

    contexts = [trace.get_current_span(PROPAGATOR.extract(each)).get_span_context() for each in metadata]
    decisions = [sampler.should_sample(None, each.trace_id, "").decision for each in contexts]
    assert [each.trace_flags.sampled for each in contexts] == [each is Decision.RECORD_AND_SAMPLE for each in decisions]
    assert len({each.trace_id for each in contexts}) == len({each.span_id for each in contexts}) == 1000


@pytest.mark.parametrize("flags", [TraceFlags.DEFAULT, TraceFlags.SAMPLED])
@pytest.mark.parametrize(("ratio", "spans"), [(0.0, 0), (1.0, 2)])
def test_without_respect_for_parents_the_ratio_decides_for_both_spans(flags: int, ratio: float, spans: int) -> None:
    recorder = Recorder(ratio, parent_based=False)
    traceparent = f"00-{0xABC:032x}-{0xDEF:016x}-{flags:02x}"

    server = recorder.tracer.server_span(request(*carried({"traceparent": traceparent})), ROUTE)
    client = recorder.tracer.client_span("a.Service", "Ask")
    client.end(0)
    server.end(200)

    assert len(recorder.spans()) == spans
    assert dict(client.metadata)["traceparent"].startswith(f"00-{0xABC:032x}-")


@pytest.mark.parametrize("flags", [TraceFlags.DEFAULT, TraceFlags.SAMPLED])
@pytest.mark.parametrize("state", [TraceState(), TraceState([("a", "1"), ("b", "x=y")])], ids=["", "state"])
def test_what_goes_to_the_server_is_what_the_propagator_would_send(flags: int, state: TraceState) -> None:
    incoming: dict[str, str] = {}
    parent = SpanContext(0xABC, 0xDEF, True, TraceFlags(flags), state)
    PROPAGATOR.inject(incoming, trace.set_span_in_context(NonRecordingSpan(parent)))
    recorder = Recorder(ratio=0.5)

    server = recorder.tracer.server_span(request(*carried(incoming)), ROUTE)
    outgoing = dict(recorder.tracer.client_span("a.Service", "Ask").metadata)
    server.end(200)

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
def test_whatever_trace_headers_come_a_span_is_made(headers: list[tuple[bytes, bytes]]) -> None:
    recorder = Recorder()

    recorder.tracer.server_span(request(*headers), ROUTE).end(200, "success")

    sampled = [each.context.trace_flags.sampled for each in recorder.spans()]
    assert sampled in ([True], [])  # none when the caller's decision was not to sample
    assert all(each.context.is_valid for each in recorder.spans())


def test_the_server_span_is_current_until_it_ends() -> None:
    recorder = Recorder()
    before = trace.get_current_span()

    span = recorder.tracer.server_span(request(), ROUTE)
    current = trace.get_current_span().get_span_context()
    span.end(200, "success")

    [recorded] = recorder.spans()
    assert current == recorded.context
    assert trace.get_current_span() is before


def test_an_unsampled_request_still_sends_its_trace_on_and_records_nothing() -> None:
    recorder = Recorder(ratio=0.0)

    server = recorder.tracer.server_span(request(), ROUTE)
    client = recorder.tracer.client_span("a.Service", "Ask")
    client.end(0)
    server.end(500)

    assert dict(client.metadata)["traceparent"].endswith("-00")
    assert recorder.spans() == ()


def test_a_span_lasts_from_its_making_to_its_end() -> None:
    recorder = Recorder()

    server = recorder.tracer.server_span(request(), ROUTE)
    recorder.tracer.client_span("a.Service", "Ask").end(0)
    server.end(200)

    client, outer = recorder.spans()
    assert (outer.start_time or 0) <= (client.start_time or 0) <= (client.end_time or 0) <= (outer.end_time or 0)
