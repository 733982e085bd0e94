"""Runs the real ASGI application in this process: over httpx, or under uvicorn."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from django.conf import settings as django_settings
from django.test import override_settings
from prometheus_client import REGISTRY, Metric
from prometheus_client.registry import Collector

from centrifugo_proxy.events.base import Clock
from centrifugo_proxy.telemetry.metrics_page import MetricsPage
from centrifugo_proxy.wiring.runtime import Runtime
from fallback.tickets import LoadedPool, LoadStatus, TicketPool
from realtime_site.asgi import Application
from realtime_site.lifespan import open_runtime
from realtime_site.serving.asgi_types import Message
from tests.harness.fakes import FakeClock
from tests.harness.plain_http import NO_CERTIFICATES

# the part of /health about claims, without FALLBACK_CLAIMS_URL
NO_CLAIMS = {"claims": {"store": "none", "up": None, "used": None, "on_error": None}}
CLIENT = "9336a229-2400-4ebc-8c50-0a643d22e8a0"

PROTOCOL = "realtime_site.serving.http_protocol:HttpProtocol"


def connect_body(ticket: Any, **fields: Any) -> dict[str, Any]:
    """A connect request as Centrifugo sends it."""
    facts = {"client": CLIENT, "transport": "websocket", "protocol": "json", "encoding": "json"}
    return {**facts, "data": {"token": ticket}, **fields}


@dataclass
class Service:
    """A running service and an HTTP client for it."""

    http: httpx.AsyncClient
    runtime: Runtime

    async def connect(self, ticket: Any = "ticket", **options: Any) -> httpx.Response:
        """POST a connect request with this ticket."""
        return await self.http.post("/centrifugo/connect", json=connect_body(ticket), **options)

    async def metric(self, sample: str) -> float:
        """The value of a sample such as `name{label="value"}` on /metrics. Raises KeyError."""
        return (await self.metrics(sample.partition("{")[0]))[sample]

    async def metrics(self, *names: str) -> dict[str, float]:
        """The samples of /metrics with these names, read without a request.

        A request would get a page that may be a second old. The page of a test worker grows by the labels of every
        test, so only the named samples are read.
        """
        return dict(_samples((await MetricsPage(_Named(names), every_s=0).text()).decode()))


class _Named(Collector):
    """The part of the registry with samples of these names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._part = REGISTRY.restricted_registry(names)

    def collect(self) -> Iterable[Metric]:
        yield from self._part.collect()


async def degrade(running: Service, clock: FakeClock) -> None:
    """Let identity's outage last longer than FALLBACK_DEGRADED_WINDOW_MS. Identity must be down already."""
    await running.connect("an unknown ticket")
    clock.advance(6)


def _samples(text: str) -> Iterable[tuple[str, float]]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            yield name, float(value)


def pool_of(tickets: Iterable[str], low_watermark: int = 0) -> LoadedPool:
    """A loaded pool, or the disabled pool if there are no tickets."""
    pool = TicketPool.of(tickets, low_watermark)
    return LoadedPool(pool, LoadStatus.LOADED if len(pool) else LoadStatus.DISABLED)


@dataclass
class _Lifespan:
    """The server's side of ASGI's lifespan protocol."""

    application: Application
    state: dict[str, Any] = field(default_factory=dict)

    async def __aenter__(self) -> Runtime:
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "state": self.state}
        self._task = asyncio.create_task(self.application(scope, self._to_app.get, self._from_app.put))
        await self._exchange("startup")
        runtime: Runtime = self.state["runtime"]
        return runtime

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exchange("shutdown")
        await self._task

    async def _exchange(self, phase: str) -> None:
        await self._to_app.put({"type": f"lifespan.{phase}"})
        message = await self._from_app.get()
        assert message == {"type": f"lifespan.{phase}.complete"}, message


@asynccontextmanager
async def service(
    identity_address: str = "127.0.0.1:1",
    *,
    tickets: Iterable[str] = (),
    low_watermark: int = 0,
    loaded: LoadedPool | None = None,
    clock: Clock | None = None,
    span_processor: Any = None,
    **settings: Any,
) -> AsyncIterator[Service]:
    """The application with these settings over httpx, without sockets."""
    with override_settings(IDENTITY_VALIDATE_GRPC_ADDRESS=identity_address, **settings):
        pool = loaded or pool_of(tickets, low_watermark)
        application = Application(open_runtime(django_settings, pool, clock, span_processor))
        lifespan = _Lifespan(application)
        async with lifespan as runtime:

            async def with_state(scope: Any, receive: Any, send: Any) -> None:
                await application({**scope, "state": dict(lifespan.state)}, receive, send)

            transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
                yield Service(http, runtime)


@asynccontextmanager
async def uvicorn_service(
    identity_address: str = "127.0.0.1:1",
    *,
    tickets: Iterable[str] = (),
    clock: Clock | None = None,
    keep_alive_s: Any = 75,
    span_processor: Any = None,
    **settings: Any,
) -> AsyncIterator[Service]:
    """The application behind a real uvicorn on a loopback port, for tests of connections."""
    with override_settings(IDENTITY_VALIDATE_GRPC_ADDRESS=identity_address, **settings), socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        application = Application(open_runtime(django_settings, pool_of(tickets), clock, span_processor))
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                lifespan="on",
                ws="none",
                http=PROTOCOL,
                loop="uvloop",
                timeout_keep_alive=keep_alive_s,
                log_config=None,
                access_log=False,
            )
        )
        task = asyncio.create_task(server._serve([listener]))
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        port = listener.getsockname()[1]
        limits = httpx.Limits(max_connections=None)
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30, verify=NO_CERTIFICATES
            ) as http:
                yield Service(http, server.lifespan.state["runtime"])
        finally:  # by now the client has closed its idle connections, for which the server would wait
            server.should_exit = True
            await task
