"""Runs a healthy time, an outage of identity, the use of the pool and the recovery, for a real Prometheus."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.backends import FamilyServiceStub, RpcBackendStub, family_service, grants, rpc_backend
from tests.harness.grpc_stub import Context
from tests.harness.identity import DOWN, IdentityStub, Script, aborts, answers, hangs, identity_stub, success
from tests.harness.processes import Process, started_warm
from tests.harness.prometheus import RATE_INTERVAL, Prometheus, prometheus
from tests.http.session_events.asking import OPEN
from tests.tools.dashboards.clients import Clients, clients
from tools.ports import free_ports

PLAIN, CLAIMING = "plain", "claiming"  # the jobs of two processes with own pools, and of one with claims
POOL: Final = 100
WINDOW_MS: Final = 4000
POLICY: Final = OPEN + '\n[[channels]]\nmatch = "room:*"\nallow = ["subscribe"]\nask_family_service = true\n'


class Stage(NamedTuple):
    """The participants of the play. `pool` has the fallback tickets of every process."""

    identity: IdentityStub
    backend: RpcBackendStub
    family: FamilyServiceStub
    processes: list[Process]
    clients: Clients
    prometheus: Prometheus
    pool: list[str]

    async def seen(self, expr: str, number: int = 1) -> None:
        """Wait until Prometheus has at least this many series for the expression. [] stands for the rate interval."""
        await self.prometheus.until(expr.replace("[]", f"[{RATE_INTERVAL}]"), number)


async def healthy_identity(request: Any, context: Context) -> pb.ValidateResponse:
    """Accepts all tickets except `bad` and those of the pool and the probe. The answer to `odd` breaks the contract."""
    kind = request.ticket.partition("-")[0]
    refuses = aborts(grpc.StatusCode.NOT_FOUND)
    scripts: dict[str, Script] = {
        "pool": refuses,
        "probe": refuses,
        "bad": refuses,
        "odd": answers(pb.ValidateResponse()),
    }
    return await scripts.get(kind, success(family_id="f-1"))(request, context)


def mixed(pool: list[str]) -> Iterator[str]:
    """Tickets of a healthy time, most of them good."""
    return cycle([*repeat("good", 8), "bad", "odd", pool[0]])


async def play(stage: Stage) -> None:
    """Each scene lasts until Prometheus has the series that the scene waits for."""
    await stage.prometheus.begin(len(stage.processes))
    for scene in (healthy, backends_down, identity_hangs, outage, fallback, recovery, healthy):
        await scene(stage)
    stage.prometheus.end()


async def healthy(stage: Stage) -> None:
    stage.identity.script = healthy_identity
    stage.clients.use(mixed(stage.pool))
    await stage.seen('rate(realtime_centrifugo_connect_total{outcome="success"}[]) > 0', 3)
    await stage.seen("realtime_identity_outage_consecutive_failures == 0", 3)
    await stage.seen('rate(realtime_proxy_requests_total{type="rpc", outcome="allowed"}[]) > 0', 3)
    await stage.seen('sum by (job) (rate(realtime_guard_refusals_total{reason="token_mismatch"}[])) > 0', 2)


async def backends_down(stage: Stage) -> None:
    """The backends refuse calls, and then hang, so that some calls are in flight at a scrape."""
    before = stage.backend.script, stage.family.script
    stage.backend.script = stage.family.script = DOWN
    await stage.seen('sum by (service) (rate(realtime_backend_calls_total{code="UNAVAILABLE"}[])) > 0', 2)
    stage.backend.script = stage.family.script = hangs
    await stage.seen(f'max_over_time(realtime_backend_inflight_calls{{job="{PLAIN}"}}[]) > 0')
    stage.backend.script, stage.family.script = before


async def identity_hangs(stage: Stage) -> None:
    """Connects hang, so that some are in flight at a scrape. There are more connects than two processes accept."""
    stage.clients.rest()
    enough = asyncio.Event()
    rushes = asyncio.create_task(rush_until(enough, stage))
    await stage.seen('rate(realtime_proxy_requests_total{outcome="overloaded"}[]) > 0', 2)
    await stage.seen('max_over_time(realtime_proxy_inflight_requests{type="connect"}[]) > 0', 3)
    enough.set()
    await rushes
    await stage.seen("realtime_identity_outage_consecutive_failures == 0", 3)


async def rush_until(enough: asyncio.Event, stage: Stage) -> None:
    """After each rush identity answers, so that no outage begins. Connects would not wait in an outage."""
    while not enough.is_set():
        stage.identity.script = hangs
        await stage.clients.rush(20)
        stage.identity.script = healthy_identity
        await stage.clients.rush(1)


async def outage(stage: Stage) -> None:
    """Identity is down until the window has passed at each process."""
    stage.identity.script = DOWN
    stage.clients.use(repeat("good"))
    await stage.seen('sum by (job) (rate(realtime_centrifugo_connect_total{outcome="unavailable"}[])) > 0', 2)
    await stage.seen("realtime_identity_outage_degraded == 1", 3)


async def fallback(stage: Stage) -> None:
    """Every other connect has a ticket that the pool does not know. Each process comes below its watermark."""
    stage.clients.use(chain.from_iterable((ticket, "good") for ticket in cycle(stage.pool)))
    await stage.seen('rate(realtime_centrifugo_connect_total{outcome="fallback_pool_consumed"}[]) > 0', 3)
    await stage.seen('rate(realtime_centrifugo_connect_total{outcome="fallback_pool_miss"}[]) > 0', 3)
    await stage.seen("realtime_fallback_pool_size < realtime_fallback_pool_low_watermark", 3)


async def recovery(stage: Stage) -> None:
    """No client connects. Most probes are answered; the others fail, so that the probes do not end the outage."""
    stage.clients.rest()
    turns = cycle([*repeat(healthy_identity, 9), DOWN])

    async def mostly_healthy(request: Any, context: Context) -> pb.ValidateResponse:
        return await next(turns)(request, context)

    stage.identity.script = mostly_healthy
    await stage.seen(f'realtime_identity_outage_recovering{{job="{PLAIN}"}} == 1', 2)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Three processes of the service, their backends, their clients and a Prometheus."""
    pool, token = [f"pool-{secrets.token_hex(8)}" for _ in range(POOL)], secrets.token_hex(8)
    (folder / "pool.tickets").write_text("\n".join(pool))
    (folder / "policy.toml").write_text(POLICY)
    async with identity_stub() as identity, rpc_backend() as backend, family_service(grants()) as family:
        variables = {
            "IDENTITY_VALIDATE_GRPC_ADDRESS": identity.address,
            "IDENTITY_VALIDATE_DEADLINE_MS": "1000",
            "IDENTITY_PROBE_INTERVAL_MS": "200",
            "FALLBACK_TICKETS_PATH": str(folder / "pool.tickets"),
            "FALLBACK_DEGRADED_WINDOW_MS": str(WINDOW_MS),
            "FALLBACK_LOW_WATERMARK": str(POOL - 1),
            "CHANNEL_POLICY_PATH": str(folder / "policy.toml"),
            "RPC_BACKENDS": f"diary={backend.address}",
            "FAMILY_SERVICE_GRPC_ADDRESS": family.address,
            "CENTRIFUGO_PROXY_TOKEN": token,
            "PROXY_MAX_INFLIGHT": "16",
        }
        own = [{"PROXY_MAX_INFLIGHT": "auto"}, {}, {"FALLBACK_CLAIMS_URL": f"file://{folder}/claims"}]
        async with AsyncExitStack() as stack:
            processes = stack.enter_context(serving([{**variables, **each} for each in own]))
            targets = [f"127.0.0.1:{process.port}" for process in processes]
            watching = stack.enter_context(prometheus(folder, {PLAIN: targets[:2], CLAIMING: targets[2:]}))
            sending = await stack.enter_async_context(clients([process.port for process in processes], token))
            yield Stage(identity, backend, family, processes, sending, watching, pool)


@contextmanager
def serving(variables: list[dict[str, str]]) -> Iterator[list[Process]]:
    """Ready processes with these variables, started at the same time."""
    with ExitStack() as stack:
        ports = free_ports(len(variables))
        processes = [
            stack.enter_context(started_warm(["serve"], port, **each))
            for port, each in zip(ports, variables, strict=True)
        ]
        for process in processes:
            process.wait_until_ready()
        yield processes
