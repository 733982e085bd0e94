"""Fuzzes the connect endpoint: no output has a traceback or a ticket, and each answer has exactly one branch.

One service and one identity serve all examples of a test. Each ticket begins with MARK. At the end, the outputs are
searched for MARK.
"""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from proto.realtime.v1 import connect_proxy_pb2 as pb
from realtime_site.logs import JsonFormatter
from tests.harness.bodies import BRANCHES
from tests.harness.environment import service_settings_from
from tests.harness.examples import examples
from tests.harness.grpc_stub import Context
from tests.harness.identity import Script, aborts, answers, identity_stub, success
from tests.harness.service import Service, connect_body, service

CONNECT = "/centrifugo/connect"
MARK = "made-up-ticket-"
# Base64 writes three bytes as four characters, so MARK looks different at each of three offsets. MARKS_IN_BASE64
# leaves out the characters that also depend on the bytes before and after MARK.
MARKS_IN_BASE64 = [
    base64.b64encode(b"-" * offset + MARK.encode())[-(-offset * 4 // 3) :].decode().rstrip("=")[:-1]
    for offset in range(3)
]
STATUSES = {200, 400, 401, 413, 503}

SCRIPTS: list[Script] = [
    success(),
    success(degraded=True),
    answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=1, reason="ü" * 100))),
    answers(pb.ValidateResponse(error=pb.Error(code=1))),
    aborts(grpc.StatusCode.NOT_FOUND),
    aborts(grpc.StatusCode.UNAVAILABLE),
]


async def by_ticket(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
    """Answers with one of SCRIPTS. The length of the ticket selects it."""
    return await SCRIPTS[len(request.ticket) % len(SCRIPTS)](request, context)


class Collected(logging.Handler):
    """Collects the log lines in the form in which the service writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Fuzzed:
    """A running service, for examples of Hypothesis, which are not asynchronous."""

    runner: asyncio.Runner
    running: Service
    spans: InMemorySpanExporter
    logs: Collected = field(default_factory=Collected)

    def post(self, content: bytes, url: httpx.URL | str = CONNECT, **options: Any) -> httpx.Response:
        return self.runner.run(self.running.http.post(url, content=content, **options))

    def outputs(self) -> str:
        """The log lines, the metrics, the health body and the spans of the service."""
        pages = [self.runner.run(self.running.http.get(path)).text for path in ("/metrics", "/health")]
        spans = [span.to_json() for span in self.spans.get_finished_spans()]
        assert spans
        return "\n".join([*self.logs.lines, *pages, *spans])


@asynccontextmanager
async def opened(mode: str) -> AsyncIterator[tuple[Service, InMemorySpanExporter]]:
    """A service in this response mode, with a span exporter."""
    spans = InMemorySpanExporter()
    of_mode = service_settings_from(CENTRIFUGO_RESPONSE_MODE=mode)
    async with identity_stub() as identity:
        identity.script = by_ticket
        async with service(identity.address, span_processor=SimpleSpanProcessor(spans), **of_mode) as running:
            yield running, spans


@contextmanager
def fuzzed(mode: str) -> Iterator[Fuzzed]:
    """A service in this response mode. At the end, its outputs are searched for tracebacks and tickets."""
    opening = opened(mode)
    with asyncio.Runner() as runner:
        target = Fuzzed(runner, *runner.run(opening.__aenter__()))
        logging.getLogger().addHandler(target.logs)
        try:
            yield target
            outputs = target.outputs()
            assert "Traceback" not in outputs
            assert_no_ticket_in(outputs)
        finally:
            logging.getLogger().removeHandler(target.logs)
            runner.run(opening.__aexit__(None, None, None))


def assert_no_ticket_in(text: str) -> None:
    assert MARK not in text
    assert [each for each in MARKS_IN_BASE64 if each in text] == []


def assert_valid_answer(response: httpx.Response) -> None:
    """Assert what must hold for every answer."""
    body = response.json()
    assert response.status_code in STATUSES
    assert len(BRANCHES & body.keys()) == len(body) == 1
    assert "Traceback" not in response.text
    assert_no_ticket_in(response.text + str(response.headers))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
marked = st.text(max_size=20).map(lambda rest: MARK + rest)
connect_names = st.sampled_from(["client", "transport", "protocol", "encoding", "data", "b64data", "token", "headers"])


def in_base64(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@st.composite
def mutated_bodies(draw: st.DrawFn) -> bytes:
    """A valid body in which some fields, and sometimes also some bytes, are replaced, added or removed."""
    ticket = draw(marked)
    body = connect_body(ticket)
    if draw(st.booleans()):
        body["b64data"] = in_base64(body.pop("data"))
    for name in draw(st.lists(connect_names, max_size=3)):
        body[name] = draw(st.one_of(json_values, marked, marked.map(in_base64), st.just({"token": ticket})))
    for name in draw(st.lists(connect_names, max_size=2)):
        body.pop(name, None)
    content = json.dumps(body, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    return draw(st.just(content) | damaged(content))


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """These bytes with some removed and others inserted."""
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + 10)))
    return content[:start] + draw(st.binary(max_size=10)) + content[end:]


BODIES = {
    "any bytes": st.binary(max_size=2000),
    "any JSON": json_values.map(lambda value: json.dumps(value).encode(errors="surrogatepass")),
    "a damaged connect": mutated_bodies(),
}


@pytest.mark.parametrize("mode", ["http", "envelope"])
@pytest.mark.parametrize("bodies", BODIES.values(), ids=BODIES.keys())
def test_any_body_gets_a_valid_answer(mode: str, bodies: st.SearchStrategy[bytes]) -> None:
    with fuzzed(mode) as target:

        @examples(250)
        @given(bodies)
        def check(content: bytes) -> None:
            assert_valid_answer(target.post(content))

        check()


# Characters that an HTTP field value may have (RFC 9110, 5.5), Latin-1 included.
header_values = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60)
header_names = st.sampled_from(["Content-Type", "Cookie", "Host", "Accept", "Traceparent", "Authorization", "X-Other"])
content_types = st.sampled_from(["application/json; charset=", "multipart/form-data; boundary=", "text/plain; x*=", ""])


def test_a_request_with_any_headers_and_any_query_gets_a_valid_answer() -> None:
    with fuzzed("http") as target:

        @examples(250)
        @given(
            ticket=marked,
            headers=st.lists(st.tuples(header_names, header_values), max_size=4),
            content_type=st.builds(str.__add__, content_types, header_values),
            query=st.text("aF=&;%+?/.0", max_size=20),
        )
        def check(ticket: str, headers: list[tuple[str, str]], content_type: str, query: str) -> None:
            content = json.dumps(connect_body(ticket)).encode()
            encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
            encoded.append((b"Content-Type", content_type.encode("latin-1")))
            response = target.post(content, httpx.URL(CONNECT, query=query.encode()), headers=encoded)
            assert_valid_answer(response)

        check()
