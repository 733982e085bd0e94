"""The spans of a request, and their export."""

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from common.version import VERSION
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.collector import collector
from tests.harness.fakes import FakeClock
from tests.harness.identity import DOWN, IdentityStub, Script, aborts, answers, hangs, success
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.processes import START_S, Process, serving
from tests.harness.service import connect_body, service, uvicorn_service

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-00"}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def into(exporter: InMemorySpanExporter) -> Any:
    """The span processor through which `service` exports its spans."""
    return SimpleSpanProcessor(exporter)


def of_kind(exporter: InMemorySpanExporter, kind: SpanKind) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.kind is kind]


def ids(span: ReadableSpan) -> tuple[str, str]:
    """The trace id and the span id in hexadecimal."""
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


async def test_a_connect_makes_a_server_span_with_a_client_span_as_its_child(
    identity: IdentityStub, exporter: InMemorySpanExporter
) -> None:
    async with service(identity.address, span_processor=into(exporter)) as running:
        await running.connect()

    client, server = exporter.get_finished_spans()
    assert (server.name, server.kind, server.parent) == ("POST /centrifugo/connect", SpanKind.SERVER, None)
    assert dict(server.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/centrifugo/connect",
        "http.response.status_code": 200,
        "url.path": "/centrifugo/connect",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "server.address": "service",
        "realtime.outcome": "success",
    }
    assert (client.name, client.kind) == ("realtime.v1.ConnectProxyService/Validate", SpanKind.CLIENT)
    assert dict(client.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "realtime.v1.ConnectProxyService",
        "rpc.method": "Validate",
        "rpc.grpc.status_code": 0,
    }
    assert client.parent == server.context


async def test_a_server_span_has_the_address_and_the_port_of_the_listener(identity: IdentityStub) -> None:
    with collector() as sink:
        async with uvicorn_service(identity.address, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as running:
            await running.connect()
        [server] = [span for span in sink.spans() if span.name == "POST /centrifugo/connect"]

    attributes = {item.key: item.value for item in server.attributes}
    listener = (attributes["server.address"].string_value, attributes["server.port"].int_value)
    assert listener == ("127.0.0.1", running.http.base_url.port)


SCRIPTED: dict[str, tuple[Script, int, StatusCode]] = {
    "success_degraded": (success(degraded=True), 200, StatusCode.UNSET),
    "disconnect": (
        answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4000, reason="go"))), 401, StatusCode.UNSET
    ),
    "invalid_ticket": (aborts(grpc.StatusCode.NOT_FOUND), 401, StatusCode.UNSET),
    "identity_error": (
        answers(pb.ValidateResponse(error=pb.Error(code=1, message="cannot tell"))), 503, StatusCode.ERROR
    ),
    "unavailable": (DOWN, 503, StatusCode.ERROR),
    "internal_error": (aborts(grpc.StatusCode.INTERNAL), 500, StatusCode.ERROR),
}  # fmt: skip


@pytest.mark.parametrize("outcome", SCRIPTED)
async def test_the_server_span_has_the_outcome(
    identity: IdentityStub, exporter: InMemorySpanExporter, outcome: str
) -> None:
    identity.script, status, span_status = SCRIPTED[outcome]

    async with service(identity.address, span_processor=into(exporter)) as running:
        await running.connect()

    (server,) = of_kind(exporter, SpanKind.SERVER)
    attributes = dict(server.attributes or {})
    assert (attributes["realtime.outcome"], attributes["http.response.status_code"]) == (outcome, status)
    assert server.status.status_code is span_status


@pytest.mark.parametrize("status", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE])
async def test_the_client_span_has_the_grpc_status(
    identity: IdentityStub, exporter: InMemorySpanExporter, status: grpc.StatusCode
) -> None:
    identity.script = aborts(status)

    async with service(identity.address, span_processor=into(exporter)) as running:
        await running.connect()

    (client,) = of_kind(exporter, SpanKind.CLIENT)
    assert dict(client.attributes or {})["rpc.grpc.status_code"] == status.value[0]
    assert client.status.status_code is StatusCode.ERROR


async def test_a_connect_without_a_call_to_identity_has_only_a_server_span(
    identity: IdentityStub, exporter: InMemorySpanExporter
) -> None:
    async with service(identity.address, span_processor=into(exporter)) as running:
        await running.connect(None)
        await running.http.post("/centrifugo/connect", content=b"no JSON")
        await running.http.post("/centrifugo/sub_refresh", json={})

    outcomes = [(span.name, dict(span.attributes or {})["realtime.outcome"]) for span in exporter.get_finished_spans()]
    assert outcomes == [
        ("POST /centrifugo/connect", "invalid_ticket"),
        ("POST /centrifugo/connect", "bad_request"),
        ("POST /centrifugo/sub_refresh", "not_implemented"),
    ]


async def test_the_span_of_a_pool_connect_has_its_own_outcome(
    identity: IdentityStub, exporter: InMemorySpanExporter, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], clock=clock, span_processor=into(exporter)) as running:
        await running.connect("-")
        clock.advance(6)
        await running.connect("a")

    outcomes = [dict(span.attributes or {})["realtime.outcome"] for span in of_kind(exporter, SpanKind.SERVER)]
    assert outcomes == ["unavailable", "fallback_pool_consumed"]


async def test_a_connect_whose_caller_has_gone_has_an_outcome_and_no_status(
    identity: IdentityStub, exporter: InMemorySpanExporter
) -> None:
    identity.script = hangs
    async with service(identity.address, span_processor=into(exporter)) as running:
        caller = asyncio.create_task(running.connect())
        while not identity.calls:
            await asyncio.sleep(0.01)
        caller.cancel()
        await asyncio.wait([caller])

    (server,) = of_kind(exporter, SpanKind.SERVER)
    (client,) = of_kind(exporter, SpanKind.CLIENT)
    assert dict(server.attributes or {})["realtime.outcome"] == "cancelled"
    assert "http.response.status_code" not in dict(server.attributes or {})
    assert dict(client.attributes or {})["rpc.grpc.status_code"] == grpc.StatusCode.CANCELLED.value[0]


async def test_an_incoming_trace_continues_through_the_service_to_identity(
    identity: IdentityStub, exporter: InMemorySpanExporter
) -> None:
    async with service(identity.address, span_processor=into(exporter)) as running:
        await running.connect(headers={**SAMPLED, "tracestate": "vendor=1"})

    client, server = exporter.get_finished_spans()
    assert server.parent is not None
    assert (f"{server.parent.trace_id:032x}", f"{server.parent.span_id:016x}") == (TRACE_ID, PARENT_ID)
    assert identity.metadata[0]["traceparent"] == f"00-{TRACE_ID}-{ids(client)[1]}-01"
    assert identity.metadata[0]["tracestate"] == "vendor=1"


async def test_each_request_on_a_connection_continues_its_own_trace(identity: IdentityStub) -> None:
    sent = [{}, SAMPLED, {}, {"Traceparent": f"00-{'1' * 32}-{PARENT_ID}-01"}, {}]
    with collector() as sink:
        async with uvicorn_service(identity.address, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as running:
            for headers in sent:
                await running.connect(headers=headers)
        servers = [span for span in sink.spans() if span.name == "POST /centrifugo/connect"]

    passed_on = [each["traceparent"].split("-")[1] for each in identity.metadata]
    assert passed_on == [span.trace_id.hex() for span in servers]
    assert [span.parent_span_id.hex() for span in servers] == ["", PARENT_ID, "", PARENT_ID, ""]
    assert (passed_on[1], passed_on[3]) == (TRACE_ID, "1" * 32)
    assert len(set(passed_on)) == len(sent)


@pytest.mark.parametrize("traceparent", ["", "nonsense", f"00-{'0' * 32}-{PARENT_ID}-01", "00-é-1-01", "00-" * 3000])
async def test_a_malformed_traceparent_starts_a_new_trace(
    identity: IdentityStub, exporter: InMemorySpanExporter, traceparent: str
) -> None:
    async with service(identity.address, span_processor=into(exporter)) as running:
        response = await running.connect(headers={"traceparent": traceparent.encode()})

    client, server = exporter.get_finished_spans()
    assert (response.status_code, server.parent) == (200, None)
    assert identity.metadata[0]["traceparent"].startswith(f"00-{ids(server)[0]}-{ids(client)[1]}-")


async def test_simultaneous_requests_have_separate_traces(
    identity: IdentityStub, exporter: InMemorySpanExporter
) -> None:
    async with service(identity.address, span_processor=into(exporter)) as running:
        await asyncio.gather(*(running.connect() for _ in range(20)))

    servers = {span.context.span_id: span.context.trace_id for span in of_kind(exporter, SpanKind.SERVER)}
    clients = {span.parent.span_id: span.context.trace_id for span in of_kind(exporter, SpanKind.CLIENT) if span.parent}
    assert len(set(servers.values())) == 20
    assert clients == servers


@pytest.mark.parametrize(
    ("ratio", "headers", "spans"),
    [(1.0, {}, 2), (0.0, {}, 0), (0.0, SAMPLED, 2), (1.0, UNSAMPLED, 0), (0.0, UNSAMPLED, 0), (1.0, SAMPLED, 2)],
)
async def test_the_ratio_decides_about_new_traces_and_the_callers_flag_about_continued_traces(
    identity: IdentityStub, exporter: InMemorySpanExporter, ratio: float, headers: dict[str, str], spans: int
) -> None:
    async with service(identity.address, span_processor=into(exporter), OTEL_TRACES_SAMPLER_ARG=ratio) as running:
        response = await running.connect(headers=headers)

    assert response.status_code == 200
    assert len(exporter.get_finished_spans()) == spans


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
async def test_probes_and_scrapes_make_no_spans(exporter: InMemorySpanExporter, path: str) -> None:
    async with service(span_processor=into(exporter)) as running:
        await running.http.get(path)

    assert exporter.get_finished_spans() == ()


async def test_an_unknown_path_gets_its_span_from_the_instrumentation_of_django(
    exporter: InMemorySpanExporter,
) -> None:
    async with service(span_processor=into(exporter)) as running:
        response = await running.http.get("/nowhere")

    (span,) = exporter.get_finished_spans()
    assert (response.status_code, span.kind) == (404, SpanKind.SERVER)
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "opentelemetry.instrumentation.django"


async def test_spans_are_sent_to_the_configured_url_and_flushed_at_shutdown(
    identity: IdentityStub,
) -> None:
    with collector("/exactly/here") as sink:
        async with service(
            identity.address, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_SERVICE_NAME="a-name"
        ) as running:
            await running.connect()

        assert set(sink.paths) == {"/exactly/here"}
        assert sorted(span.name for span in sink.spans()) == [
            "POST /centrifugo/connect",
            "realtime.v1.ConnectProxyService/Validate",
        ]
    resource = {item.key: item.value.string_value for item in sink.exports[0].resource_spans[0].resource.attributes}
    assert (resource["service.name"], resource["service.version"]) == ("a-name", VERSION)


@pytest.mark.parametrize("variables", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
async def test_with_tracing_off_there_is_no_span_and_the_callers_trace_is_passed_on(
    identity: IdentityStub, exporter: InMemorySpanExporter, variables: dict[str, Any]
) -> None:
    async with service(identity.address, span_processor=into(exporter), **variables) as running:
        response = await running.connect(headers={**SAMPLED, "tracestate": "vendor=1"})
        await running.connect(headers={"traceparent": "nonsense"})
        await running.connect()
        await running.http.get("/nowhere")

    assert response.status_code == 200
    assert exporter.get_finished_spans() == ()
    passed_on = [(sent.get("traceparent"), sent.get("tracestate")) for sent in identity.metadata]
    assert passed_on == [(SAMPLED["traceparent"], "vendor=1"), (None, None), (None, None)]


@pytest.mark.parametrize(("sampler", "spans"), [("always_off", 0), ("always_on", 2), ("parentbased_always_off", 2)])
async def test_the_sampler_decides_about_client_spans_too(
    identity: IdentityStub, exporter: InMemorySpanExporter, sampler: str, spans: int
) -> None:
    async with service(identity.address, span_processor=into(exporter), OTEL_TRACES_SAMPLER=sampler) as running:
        await running.connect(headers=SAMPLED)

    assert len(exporter.get_finished_spans()) == spans


async def test_spans_are_sent_to_v1_traces_below_a_base_url_with_the_configured_headers(identity: IdentityStub) -> None:
    with collector() as sink:
        async with service(
            identity.address,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url.removesuffix("/v1/traces"),
            OTEL_EXPORTER_OTLP_HEADERS={"x-tenant": "a"},
        ) as running:
            await running.connect()

    assert set(sink.paths) == {"/v1/traces"}
    assert {head["x-tenant"] for head in sink.headers} == {"a"}
    assert len(sink.spans()) == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "from-attributes"), ({"OTEL_SERVICE_NAME": "from-the-setting"}, "from-the-setting")],
)
async def test_resource_attributes_of_the_environment_are_sent_and_may_name_the_service(
    identity: IdentityStub, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], name: str
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes,k8s.pod.name=pod-1")

    with collector() as sink:
        async with service(identity.address, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **settings) as running:
            await running.connect()

    resource = {item.key: item.value.string_value for item in sink.exports[0].resource_spans[0].resource.attributes}
    assert (resource["service.name"], resource["k8s.pod.name"]) == (name, "pod-1")


@contextmanager
def hanging_collector() -> Iterator[str]:
    """A collector that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"


@pytest.mark.processes
async def test_requests_succeed_and_the_process_exits_soon_if_the_collector_is_down_or_hangs(
    identity: IdentityStub,
) -> None:
    address = {
        "IDENTITY_VALIDATE_GRPC_ADDRESS": identity.address,
        "CENTRIFUGO_PROXY_TOKEN": "s3same",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    with (
        hanging_collector() as hangs,
        serving(**address, OTEL_EXPORTER_OTLP_ENDPOINT=hangs) as with_hanging_collector,
        serving(**address, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1/v1/traces") as with_dead_collector,
    ):
        statuses = list(await asyncio.gather(connects(with_hanging_collector), connects(with_dead_collector)))
        ends = await asyncio.gather(
            *(asyncio.to_thread(end, each) for each in (with_hanging_collector, with_dead_collector))
        )

        assert statuses == [{200}, {200}]
        assert [code for code, _ in ends] == [0, 0]
        assert all(seconds < 7 for _, seconds in ends), ends
        for process in (with_hanging_collector, with_dead_collector):
            assert len(process.stderr().splitlines()) <= 2, process.stderr()
            assert "Traceback" not in process.stderr()


async def connects(process: Process) -> set[int]:
    """Send connects for three seconds while spans are exported. Returns the statuses of the answers."""
    headers = {"X-Centrifugo-Proxy-Token": "s3same"}
    async with httpx.AsyncClient(base_url=str(process.http.base_url), headers=headers, verify=NO_CERTIFICATES) as http:
        statuses = set()
        for _ in range(30):
            statuses.add((await http.post("/centrifugo/connect", json=connect_body("a"))).status_code)
            await asyncio.sleep(0.1)
        return statuses


def end(process: Process) -> tuple[int, float]:
    """Send SIGTERM. Returns the exit code, and the seconds until the process has ended."""
    started = time.monotonic()
    process.popen.send_signal(signal.SIGTERM)
    return process.popen.wait(START_S), time.monotonic() - started


@pytest.mark.parametrize("host", ["bad_host!!", "a b"])
async def test_a_malformed_host_is_refused_in_json_even_if_the_request_would_be_traced(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    async with service(span_processor=into(exporter)) as running:
        response = await running.http.get("/nowhere", headers={"Host": host})

    assert (response.status_code, response.json()) == (400, {"error": {"code": 400, "message": "host not allowed"}})
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


WITHIN = ["v=" + "x" * 254 + ",w=" + "x" * 253, ",".join(f"v{number}=1" for number in range(32))]
BEYOND = [WITHIN[0] + "x", ",".join(f"v{number}=1" for number in range(33)), ",".join(["v=" + "x" * 250] * 60)]


@pytest.mark.parametrize("variables", [{}, {"OTEL_TRACES_EXPORTER": "none"}], ids=["tracing", "no spans"])
async def test_a_tracestate_above_the_limits_of_w3c_is_dropped_and_the_trace_continues(
    identity: IdentityStub, exporter: InMemorySpanExporter, variables: dict[str, Any]
) -> None:
    async with service(identity.address, span_processor=into(exporter), **variables) as running:
        for state in WITHIN + BEYOND:
            await running.connect(headers={**SAMPLED, "tracestate": state})

    assert [sent.get("tracestate") for sent in identity.metadata] == [*WITHIN, None, None, None]
    assert [sent["traceparent"].split("-")[1] for sent in identity.metadata] == [TRACE_ID] * 5
