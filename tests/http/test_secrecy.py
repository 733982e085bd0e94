"""No output of a process contains a ticket or a secret, even at the log level trace."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.collector import Collector, collector
from tests.harness.grpc_stub import Context
from tests.harness.identity import DOWN, IdentityStub, Script, aborts, answers, hangs, identity_stub, success
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.processes import Process, serving
from tests.harness.samples import CANCELLED
from tests.harness.service import connect_body
from tests.harness.waiting import until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("secrecy-http")]  # one worker runs the module's processes

WINDOW_S = 0.5
KINDS = (
    "good", "again", "denied", "failing", "odd", "late", "pool", "spent", "no-pool", "unanswered", "long", "number",
    "error", "broken", "oversized", "encoded", "named", "guarded", "gone",
)  # fmt: skip
NEVER_CANCELLED = f"{CANCELLED} 0.0"
OUTPUTS = ("stdout", "stderr", "metrics", "health", "spans", "answers")


async def leaks_ticket_in_details(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
    """Ends every call with an error whose details contain the ticket."""
    await context.abort(grpc.StatusCode.INTERNAL, f"cannot validate {request.ticket}")
    raise AssertionError("abort does not return")


async def leaks_ticket_in_message(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
    """Returns an Error whose message contains the ticket."""
    return pb.ValidateResponse(error=pb.Error(code=1, message=f"not sure about {request.ticket}"))


def encoded(ticket: str) -> list[str]:
    """The three texts that the ticket can become inside a longer text in base64. Its position decides which one."""
    parts = (ticket.encode()[start:] for start in range(3))
    return [base64.b64encode(part[: len(part) // 3 * 3]).decode() for part in parts]


class Run:
    """The run of a process: the tickets that were sent, and all output."""

    def __init__(self) -> None:
        self.tickets = {kind: f"{kind}-{secrets.token_urlsafe(24)}" for kind in KINDS}
        self.token, self.wrong_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.collector_key = secrets.token_urlsafe(24)
        self.outputs: dict[str, str] = {}
        self.answers: list[str] = []

    def forbidden_values(self) -> Iterator[tuple[str, str]]:
        """The values that must not appear, each with a name that may be printed."""
        yield from (("the guard's token", self.token), ("a wrong token", self.wrong_token))
        yield "the collector's key", self.collector_key
        for kind, ticket in self.tickets.items():
            yield kind, ticket
            yield from ((f"{kind}, encoded", text) for text in encoded(ticket))
            yield f"{kind}, its digest", hashlib.sha256(ticket.encode()).hexdigest()

    async def run_process(self, tickets_path: Path) -> None:
        async with identity_stub() as identity:
            with collector() as sink, serving(**self._settings(identity, tickets_path, sink)) as process:
                async with httpx.AsyncClient(base_url=str(process.http.base_url), verify=NO_CERTIFICATES) as http:
                    await self._send_every_kind(http, identity)
                    await self._read_metrics_and_health(http)
                process.terminate()
                self._record_outputs(process, sink)

    def _settings(self, identity: IdentityStub, tickets_path: Path, sink: Collector) -> dict[str, str]:
        return {
            "LOG_LEVEL": "trace",
            "IDENTITY_VALIDATE_GRPC_ADDRESS": identity.address,
            "IDENTITY_VALIDATE_DEADLINE_MS": str(int(WINDOW_S * 1000)),
            "FALLBACK_DEGRADED_WINDOW_MS": str(int(WINDOW_S * 1000)),
            "FALLBACK_TICKETS_PATH": str(tickets_path),
            "IDENTITY_PROBE_INTERVAL_MS": "100",
            "PROXY_MAX_BODY_BYTES": "8192",
            "CENTRIFUGO_PROXY_TOKEN": self.token,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{sink.url}?key={self.collector_key}",
        }

    async def _send_every_kind(self, http: httpx.AsyncClient, identity: IdentityStub) -> None:
        odd = answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=1, reason="r" * 200)))
        steps: list[tuple[str, Script]] = [
            ("good", success()), ("again", success(degraded=True)), ("denied", aborts(grpc.StatusCode.NOT_FOUND)),
            ("failing", leaks_ticket_in_details), ("odd", odd), ("error", leaks_ticket_in_message), ("late", hangs),
        ]  # fmt: skip
        for kind, identity.script in steps:
            await self._connect(http, connect_body(self.tickets[kind]))
        identity.script = aborts(grpc.StatusCode.NOT_FOUND)
        await self._connect(http, connect_body(self.tickets["pool"]))
        identity.script = DOWN
        await self._connect(http, connect_body(self.tickets["no-pool"]))
        await asyncio.sleep(WINDOW_S + 0.01)
        for kind in ("pool", "pool", "no-pool"):
            await self._connect(http, connect_body(self.tickets[kind]))
        identity.script = success()
        await self._send_bad_requests(http)
        async with asyncio.timeout(30):
            while NEVER_CANCELLED in (await http.get("/metrics")).text:
                await self._hang_up(http, identity)

    async def _send_bad_requests(self, http: httpx.AsyncClient) -> None:
        tickets = self.tickets
        await self._connect(http, connect_body(tickets["long"] * 200))
        await self._connect(http, connect_body([tickets["number"]]))
        await self._connect(http, b'{"data":{"token":"' + tickets["broken"].encode() + b'"')
        await self._connect(http, connect_body(tickets["oversized"], padding="x" * 9000))
        await self._connect(http, {"b64data": base64.b64encode(orjson.dumps({"token": tickets["encoded"]})).decode()})
        await self._connect(http, connect_body("-", client={"token": tickets["named"]}))
        await self._connect(http, connect_body(tickets["guarded"]), token=self.wrong_token)
        await self._connect(http, connect_body(tickets["spent"]), path="/centrifugo/rpc")
        await self._connect(http, connect_body(tickets["unanswered"]), path="/nowhere")

    async def _connect(
        self, http: httpx.AsyncClient, body: Any, token: str = "", path: str = "/centrifugo/connect"
    ) -> None:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {"X-Centrifugo-Proxy-Token": token or self.token}
        self.answers.append((await http.post(path, content=content, headers=headers)).text)

    async def _hang_up(self, http: httpx.AsyncClient, identity: IdentityStub) -> None:
        """Hang up during the call to identity. On a slow machine the deadline may pass first."""
        identity.script = success()
        while (await http.get("/health")).json()["identity_outage"]["degraded"]:
            await asyncio.sleep(0.05)
        identity.script = hangs
        calls = len(identity.calls)
        caller = asyncio.create_task(self._connect(http, connect_body(self.tickets["gone"])))
        await until(lambda: self.tickets["gone"] in [call.ticket for call in identity.calls[calls:]])
        caller.cancel()
        await asyncio.wait([caller])
        await asyncio.sleep(WINDOW_S)  # the service needs time to notice that the caller has gone

    async def _read_metrics_and_health(self, http: httpx.AsyncClient) -> None:
        self.outputs["metrics"] = (await http.get("/metrics")).text
        self.outputs["health"] = (await http.get("/health")).text

    def _record_outputs(self, process: Process, sink: Collector) -> None:
        self.outputs |= {"stdout": process.stdout(), "stderr": process.stderr(), "answers": "\n".join(self.answers)}
        self.outputs["spans"] = "\n".join(str(export) for export in sink.exports)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run()
    file = tmp_path_factory.mktemp("pool") / "tickets"
    file.write_text(f"{run.tickets['pool']}\n")
    asyncio.run(run.run_process(file))
    return run


@pytest.mark.parametrize("before", ["", "-", "--", '{"token":"'])
def test_a_ticket_inside_a_text_in_base64_is_found_wherever_it_begins(before: str) -> None:
    ticket = secrets.token_urlsafe(24)

    text = base64.b64encode(f'{before}{ticket}"'.encode()).decode()

    assert any(form in text for form in encoded(ticket))


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_ticket_and_no_secret_is_in_any_output(run: Run, output: str) -> None:
    text = run.outputs[output]

    assert len(text) > 100
    assert [name for name, value in run.forbidden_values() if value in text] == []


def test_the_run_produced_every_outcome_of_a_connect(run: Run) -> None:
    families = {family.name: family for family in text_string_to_metric_families(run.outputs["metrics"])}
    connects = families["realtime_centrifugo_connect"].samples

    never = {sample.labels["outcome"] for sample in connects if sample.name.endswith("_total") and not sample.value}
    assert never == set()


def test_the_run_wrote_logs_to_both_streams_and_spans(run: Run) -> None:
    assert '"level":"trace"' in run.outputs["stdout"]
    assert "centrifugo.connect accepted via fallback pool" in run.outputs["stdout"]
    assert "failed with an internal error" in run.outputs["stderr"]
    assert run.outputs["spans"].count("POST /centrifugo/connect") > 10
