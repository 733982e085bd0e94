"""The metrics page: at the first scrape of a new process, and after requests."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator

import grpc
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from centrifugo_proxy.protocol.codes import EVENTS
from fallback.tickets import LoadedPool, LoadStatus, TicketPool
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.fakes import FakeClock
from tests.harness.grpc_stub import Context
from tests.harness.identity import DOWN, IdentityStub, Script, aborts, answers, success
from tests.harness.processes import serving
from tests.harness.service import connect_body, service

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("metrics-http")]  # one worker runs the module's processes

TYPES = set(EVENTS)
OUTCOMES = {
    "success", "success_degraded", "disconnect", "invalid_ticket", "identity_error", "unavailable",
    "fallback_pool_consumed", "fallback_pool_miss", "fallback_pool_not_open", "bad_request", "internal_error",
    "cancelled",
}  # fmt: skip
REASONS = {"signature_missing", "signature_mismatch", "token_missing", "token_mismatch"}
CODES = {status.name for status in grpc.StatusCode}


@pytest.fixture(scope="module")
def exposition() -> Iterator[str]:
    """The text of /metrics of a process that has received no request from Centrifugo."""
    with serving() as process:
        response = process.http.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=")
        yield response.text


@pytest.fixture(scope="module")
def families(exposition: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(exposition)}


def samples(family: Metric, suffix: str = "") -> dict[tuple[str, ...], float]:
    """The values of a metric. Each key has the values of the labels, and `type` comes before `outcome`."""
    wanted = [sample for sample in family.samples if sample.name == family.name + suffix]
    return {tuple(value for _, value in sorted(sample.labels.items(), reverse=True)): sample.value for sample in wanted}


SESSION_EVENTS = {"allowed", "denied", "too_large", "disconnect", "expired", "unavailable"}
COMMON = {"bad_request", "internal_error", "cancelled", "refused", "overloaded", "not_implemented"}


def test_every_outcome_of_a_request_is_exported_as_0_from_the_start(families: dict[str, Metric]) -> None:
    ends = pairs({"connect"}, OUTCOMES | COMMON) | pairs(TYPES - {"connect"}, SESSION_EVENTS | COMMON)

    assert samples(families["realtime_proxy_requests"], "_total") == ends


def pairs(*sets: set[str]) -> dict[tuple[str, ...], float]:
    """Every combination of label values, with the value 0."""
    combinations: list[tuple[str, ...]] = [()]
    for values in sets:
        combinations = [(*labels, value) for labels in combinations for value in values]
    return dict.fromkeys(combinations, 0.0)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("realtime_centrifugo_connect", [OUTCOMES]),
        ("realtime_identity_calls", [CODES]),
        ("realtime_guard_refusals", [REASONS]),
        ("realtime_identity_probe", [{"answered", "failed", "other"}]),
    ],
)
def test_every_label_value_of_a_counter_is_exported_as_0_from_the_start(
    families: dict[str, Metric], name: str, labels: list[set[str]]
) -> None:
    assert (families[name].type, samples(families[name], "_total")) == ("counter", pairs(*labels))


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("realtime_fallback_pool_size", []),
        ("realtime_identity_last_failure_timestamp_seconds", []),
        ("realtime_identity_outage_degraded", []),
        ("realtime_identity_outage_recovering", []),
        ("realtime_identity_outage_consecutive_failures", []),
        ("realtime_proxy_inflight_requests", [TYPES]),
    ],
)
def test_a_gauge_is_exported_as_0_from_the_start(
    families: dict[str, Metric], name: str, labels: list[set[str]]
) -> None:
    assert (families[name].type, samples(families[name])) == ("gauge", pairs(*labels))


@pytest.mark.parametrize(
    ("name", "labels"), [("realtime_proxy_duration_seconds", [TYPES]), ("realtime_identity_call_duration_seconds", [])]
)
def test_the_buckets_reach_from_a_millisecond_to_more_than_a_minute(
    families: dict[str, Metric], name: str, labels: list[set[str]]
) -> None:
    bounds = {float(sample.labels["le"]) for sample in families[name].samples if sample.name == f"{name}_bucket"}

    assert samples(families[name], "_count") == pairs(*labels)
    assert (min(bounds), sorted(bounds)[-2] > 60) == (0.001, True)


def test_the_metrics_show_the_version(families: dict[str, Metric]) -> None:
    (labels,) = samples(families["realtime_build_info"])

    assert samples(families["realtime_build_info"]) == {labels: 1.0}
    assert labels[0].count(".") == 2


def test_every_metric_of_the_service_has_a_help_text(families: dict[str, Metric]) -> None:
    ours = {name: family.documentation for name, family in families.items() if name.startswith("realtime_")}

    assert len(ours) >= 11
    assert all(len(text.split()) >= 5 and text.endswith(".") for text in ours.values()), ours


def test_promtool_reports_no_problem_in_the_metrics(exposition: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")

    command = [promtool, "check", "metrics"]
    checked = subprocess.run(command, input=exposition, capture_output=True, check=False, text=True)  # noqa: S603

    assert (checked.returncode, checked.stderr) == (0, "")


SCRIPTED: dict[str, Script] = {
    "success": success(),
    "success_degraded": success(degraded=True),
    "disconnect": answers(pb.ValidateResponse(disconnect=pb.Disconnect(code=4000, reason="go"))),
    "invalid_ticket": aborts(grpc.StatusCode.NOT_FOUND),
    "identity_error": answers(pb.ValidateResponse(error=pb.Error(code=1, message="cannot tell"))),
    "unavailable": DOWN,
    "internal_error": answers(pb.ValidateResponse()),
}


def counts(text: str) -> dict[str, float]:
    """The samples of the connect counter and of the request counter that are not 0."""
    families = {family.name: family for family in text_string_to_metric_families(text)}
    connects = samples(families["realtime_centrifugo_connect"], "_total")
    requests = samples(families["realtime_proxy_requests"], "_total")
    return {"/".join(labels): value for labels, value in (connects | requests).items() if value}


def grown(before: str, after: str) -> dict[str, float]:
    """The increase of each sample between two scrapes."""
    old = counts(before)
    return {name: value - old.get(name, 0) for name, value in counts(after).items() if value != old.get(name, 0)}


@pytest.mark.parametrize("outcome", SCRIPTED)
async def test_each_outcome_of_a_connect_is_counted_once_in_both_counters(identity: IdentityStub, outcome: str) -> None:
    identity.script = SCRIPTED[outcome]

    async with service(identity.address) as running:
        before = (await running.http.get("/metrics")).text
        await running.connect()
        after = (await running.http.get("/metrics")).text

    assert grown(before, after) == {outcome: 1, f"connect/{outcome}": 1}


async def test_the_pools_decisions_are_counted(identity: IdentityStub, clock: FakeClock) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a"], clock=clock) as running:
        await running.connect("-")
        clock.advance(6)
        before = (await running.http.get("/metrics")).text
        for ticket in ("a", "a", "b"):
            await running.connect(ticket)
        after = (await running.http.get("/metrics")).text

    assert grown(before, after) == {
        "fallback_pool_consumed": 1,
        "fallback_pool_miss": 2,
        "connect/fallback_pool_consumed": 1,
        "connect/fallback_pool_miss": 2,
    }


async def test_bad_requests_and_missing_tickets_are_counted_without_a_call_to_identity(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        before = (await running.http.get("/metrics")).text
        await running.http.post("/centrifugo/connect", content=b"no JSON")
        await running.connect(None)
        after = (await running.http.get("/metrics")).text

    assert grown(before, after) == {
        "bad_request": 1,
        "invalid_ticket": 1,
        "connect/bad_request": 1,
        "connect/invalid_ticket": 1,
    }
    assert identity.calls == []


async def test_a_request_without_a_connect_outcome_is_counted_only_as_a_request(identity: IdentityStub) -> None:
    async with service(identity.address, CENTRIFUGO_PROXY_TOKEN="s3same") as running:
        before = (await running.http.get("/metrics")).text
        reason = 'realtime_guard_refusals_total{reason="token_missing"}'
        refused = await running.metric(reason)
        await running.connect()
        await running.http.post("/centrifugo/rpc", json={}, headers={"X-Centrifugo-Proxy-Token": "s3same"})
        after = (await running.http.get("/metrics")).text

        assert grown(before, after) == {"connect/refused": 1, "rpc/not_implemented": 1}
        assert await running.metric(reason) == refused + 1


async def test_a_request_is_in_flight_until_its_answer_and_a_refused_request_is_counted(
    identity: IdentityStub,
) -> None:
    release = asyncio.Event()

    async def slow(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await release.wait()
        return pb.ValidateResponse(success=pb.Success(user_id="u-1"))

    identity.script = slow
    inflight = 'realtime_proxy_inflight_requests{type="connect"}'
    async with service(identity.address, PROXY_MAX_INFLIGHT=1) as running:
        before = (await running.http.get("/metrics")).text
        served = asyncio.create_task(running.connect())
        while not identity.calls:
            await asyncio.sleep(0.01)
        await running.connect()
        during = await running.metric(inflight)
        release.set()
        await served
        after = (await running.http.get("/metrics")).text

        assert (during, await running.metric(inflight)) == (1, 0)
        assert grown(before, after) == {"success": 1, "connect/success": 1, "connect/overloaded": 1}


@pytest.mark.parametrize("status", sorted(CODES - {"OK"}))
async def test_each_call_to_identity_is_counted_by_its_status_and_its_duration_is_measured(
    identity: IdentityStub, status: str
) -> None:
    identity.script = aborts(grpc.StatusCode[status])
    calls = f'realtime_identity_calls_total{{code="{status}"}}'
    timed = "realtime_identity_call_duration_seconds_count"

    async with service(identity.address) as running:
        before = await running.metric(calls), await running.metric(timed)
        await running.connect()

        assert (await running.metric(calls), await running.metric(timed)) == (before[0] + 1, before[1] + 1)


async def test_the_gauges_follow_an_outage_and_its_end(identity: IdentityStub, clock: FakeClock) -> None:
    names = ("outage_degraded", "outage_consecutive_failures", "last_failure_timestamp_seconds")
    began = clock.wall

    async with service(identity.address, tickets=["a"], clock=clock) as running:
        seen = [[await running.metric(f"realtime_identity_{name}") for name in names]]
        for wait_s, script in ((0, DOWN), (6, DOWN), (1, success())):
            clock.advance(wait_s)
            identity.script = script
            await running.runtime.probe.probe_once()
            await running.connect("-")
            seen.append([await running.metric(f"realtime_identity_{name}") for name in names])

    assert seen == [[0, 0, 0], [0, 1, began], [1, 2, began + 6], [0, 0, began + 6]]


async def test_probes_are_counted_by_result(identity: IdentityStub) -> None:
    probes = ("answered", "failed", "other")
    async with service(identity.address) as running:
        before = [await running.metric(f'realtime_identity_probe_total{{outcome="{name}"}}') for name in probes]
        for status in ("NOT_FOUND", "UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"):
            identity.script = aborts(grpc.StatusCode[status])
            await running.runtime.probe.probe_once()
        after = [await running.metric(f'realtime_identity_probe_total{{outcome="{name}"}}') for name in probes]

    assert [now - then for then, now in zip(before, after, strict=True)] == [1, 2, 1]


@pytest.mark.parametrize("status", list(LoadStatus))
async def test_the_pools_status_and_watermark_are_gauges(status: LoadStatus) -> None:
    loaded = LoadedPool(TicketPool.of(["a"], low_watermark=7), status)
    async with service(loaded=loaded) as running:
        shown = {name: await running.metric(f'realtime_fallback_pool_status{{status="{name}"}}') for name in LoadStatus}

        assert shown == {name: float(name is status) for name in LoadStatus}
        assert await running.metric("realtime_fallback_pool_low_watermark") == 7


async def test_no_label_has_a_value_from_a_caller(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        body = connect_body("ticket-of-a-caller", client="client-of-a-caller", transport="transport-of-a-caller")
        await running.http.post("/centrifugo/connect", json=body)
        await running.http.request("METHOD-OF-A-CALLER", "/path-of-a-caller", headers={"X-User": "user-of-a-caller"})
        text = (await running.http.get("/metrics")).text

    assert "of-a-caller" not in text.lower()
