"""Sending spans: the endpoint, the headers, retries, and failures."""

import time
from collections.abc import Sequence

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from realtime_site.tracing.otlp import LeanExporter
from realtime_site.tracing.queue import Ended
from realtime_site.tracing.setup import batched_export
from realtime_site.variables.trace_options import Sampling, TraceOptions
from tests.harness.collector import Collector, collector
from tests.harness.spans import OURS, RESOURCE, as_spans, record, span

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE


def options(endpoint: str) -> TraceOptions:
    """Options without headers, compression and certificates."""
    return TraceOptions(
        endpoint=endpoint,
        service_name="a-service",
        sampling=Sampling(1.0, parent_based=True),
        headers={},
        timeout_s=5,
        gzip=False,
        ca_file="",
        client_certificate="",
        client_key="",
        delay_s=5,
    )


def test_the_delay_between_exports_is_the_one_in_the_options() -> None:
    queue = batched_export(options("http://127.0.0.1:1")._replace(delay_s=0.25), RESOURCE, OURS)
    queue.shutdown()

    assert queue.delay_s == 0.25


def exporter_of(some: TraceOptions) -> LeanExporter:
    return LeanExporter(some, RESOURCE, OURS)


def spans_by_scope(sink: Collector) -> dict[str, list[Span]]:
    """The received spans, by the name of their scope."""
    found: dict[str, list[Span]] = {}
    for resource in (resource for export in sink.exports for resource in export.resource_spans):
        for scope in resource.scope_spans:
            found.setdefault(scope.scope.name, []).extend(scope.spans)
    return found


def expected(some: Sequence[Ended]) -> dict[str, list[Span]]:
    return spans_by_scope(Collector("", exports=[encode_spans([one for each in some for one in as_spans(each)])]))


MIXED: dict[str, list[Ended]] = {
    "none": [],
    "a record": [record(0)],
    "a span of the SDK": [span(0)],
    "both": [record(0), span(1), record(2), span(3)],
    "many": [span(number) if number % 7 == 0 else record(number) for number in range(1000)],
    "a span of an equal scope": [span(0, InstrumentationScope("centrifugo_proxy", "1.0.0")), record(1)],
}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("some", MIXED.values(), ids=MIXED)
def test_each_span_arrives_once_under_its_own_scope(some: list[Ended], gzip: bool) -> None:
    with collector() as sink:
        exporter = exporter_of(options(sink.url)._replace(gzip=gzip))
        result = exporter.export(some)
        exporter.shutdown()

    assert result is SUCCESS
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


def test_headers_are_sent_with_each_export_and_the_connection_is_used_again() -> None:
    with collector() as sink:
        exporter = exporter_of(options(sink.url)._replace(headers={"X-Tenant": "a", "Authorization": "Bearer b"}))
        results = [exporter.export([record(number)]) for number in range(3)]
        exporter.shutdown()

    assert results == [SUCCESS] * 3
    assert [(head["X-Tenant"], head["Authorization"], head["Content-Type"]) for head in sink.headers] == [
        ("a", "Bearer b", "application/x-protobuf")
    ] * 3
    assert len(sink.clients) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_spans_are_sent_again_after_a_temporary_failure_of_the_collector(status: int) -> None:
    with collector() as sink:
        sink.answers = [status]
        exporter = exporter_of(options(sink.url))
        result = exporter.export([record(0)])
        exporter.shutdown()

    assert result is SUCCESS
    assert len(sink.exports) == 2


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 413, 500, 501])
def test_spans_that_a_collector_refuses_are_dropped_and_one_line_is_logged(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with collector() as sink:
        sink.answers = [status]
        exporter = exporter_of(options(sink.url)._replace(headers={"Authorization": "s3same"}))
        result = exporter.export([record(0)])
        exporter.shutdown()

    assert result is FAILURE
    assert len(sink.exports) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"1 spans were not exported: the collector answered with status {status}"
    ]


def test_an_export_to_a_collector_that_is_down_fails_within_the_timeout(caplog: pytest.LogCaptureFixture) -> None:
    exporter = exporter_of(options("http://user:s3same@127.0.0.1:1/v1/traces")._replace(timeout_s=0.6))

    started = time.monotonic()
    result = exporter.export([record(0)])
    exporter.shutdown()

    assert result is FAILURE
    assert time.monotonic() - started < 3
    assert [record.getMessage() for record in caplog.records] == [
        "1 spans were not exported: NewConnectionError at the collector (Connection refused)"
    ]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {option: "/nowhere/file.pem"},
            "cannot read a file of OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_CERTIFICATE or …_CLIENT_KEY "
            "(No such file or directory)",
        )
        for option in ("ca_file", "client_certificate")
    ]
    + [({"ca_file": __file__}, "SSLError at the collector (NO_CERTIFICATE_OR_CRL_FOUND)")],
)
def test_a_certificate_that_cannot_be_used_is_named_in_the_warning(
    caplog: pytest.LogCaptureFixture, files: dict[str, str], problem: str
) -> None:
    with collector() as sink:
        over_tls = options(sink.url.replace("http:", "https:"))._replace(timeout_s=0.3)
        exporter = exporter_of(TraceOptions(**{**over_tls._asdict(), **files}))

        result = exporter.export([record(0)])
        exporter.shutdown()

    assert result is FAILURE
    assert [record.getMessage() for record in caplog.records] == [f"1 spans were not exported: {problem}"]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_proxy_variables_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")

    with collector() as sink:
        exporter = exporter_of(options(sink.url))
        result = exporter.export([record(0)])
        exporter.shutdown()

    assert result is SUCCESS


def test_nothing_is_sent_after_shutdown() -> None:
    with collector() as sink:
        exporter = exporter_of(options(sink.url))
        exporter.shutdown()

        assert exporter.export([record(0)]) is FAILURE
    assert sink.exports == []
