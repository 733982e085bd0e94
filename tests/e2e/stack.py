"""A stack: an identity service, this service as a process, and Centrifugo in front of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.clients import GIVE_UP_S
from tests.e2e.tickets import TicketOffice
from tests.harness import centrifugo
from tests.harness.centrifugo import Centrifugo, Config
from tests.harness.identity import IdentityStub, identity_stub
from tests.harness.processes import Process, started_warm
from tools.ports import free_port

CLIENT = {"client": "c-1", "transport": "websocket", "protocol": "json", "encoding": "json"}
CONNECT = {**CLIENT, "data": {"token": "any"}}


class Service:
    """`manage.py serve`, which can be ended and started again on the same port."""

    def __init__(self, **variables: str) -> None:
        self.port = free_port()
        self.variables = variables
        self.process: Process
        self._exit = ExitStack()

    async def start(self) -> None:
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        self.process = self._exit.enter_context(started_warm(["serve"], self.port, **self.variables))
        self.process.wait_until_ready()

    async def stop(self) -> int:
        """Send SIGTERM; returns the exit code."""
        return await asyncio.to_thread(self.process.terminate)

    def close(self) -> None:
        self._exit.close()

    def connects(self, outcome: str) -> int:
        """The number of connects with this outcome."""
        sample = re.escape(f'realtime_centrifugo_connect_total{{outcome="{outcome}"}} ')
        found = re.search(f"^{sample}(.*)$", self.process.http.get("/metrics").text, re.MULTILINE)
        assert found is not None
        return int(float(found[1]))

    async def until_answered(self, status: int, event: str, body: dict[str, Any]) -> None:
        """Send this event until the answer has this status, because a gRPC channel reconnects with a delay."""
        headers = {"X-Centrifugo-Proxy-Token": self.variables.get("CENTRIFUGO_PROXY_TOKEN", "")}
        post = partial(self.process.http.post, f"/centrifugo/{event}", json=body, headers=headers)
        async with asyncio.timeout(GIVE_UP_S):
            while (await asyncio.to_thread(post)).status_code != status:
                await asyncio.sleep(0.05)

    def health(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.process.http.get("/health").json()
        return shown


@dataclass(frozen=True)
class Stack:
    """A running stack. `config` is the printed configuration."""

    identity: IdentityStub
    tickets: TicketOffice
    service: Service
    centrifugo: Centrifugo
    config: Config

    @property
    def url(self) -> str:
        return self.centrifugo.websocket

    @asynccontextmanager
    async def without_identity(self) -> AsyncIterator[None]:
        """Identity is down; at the end it is up and reachable again."""
        await self.identity.stop()
        try:
            yield
        finally:
            await self.identity.start()
            await self.service.until_answered(401, "connect", CONNECT)


@asynccontextmanager
async def stack(binary: Path, **variables: str) -> AsyncIterator[Stack]:
    """A running stack whose service has these environment variables."""
    async with identity_stub() as identity:
        service = Service(IDENTITY_VALIDATE_GRPC_ADDRESS=identity.address, **variables)
        with ExitStack() as parts:
            parts.callback(service.close)
            await service.start()
            config = await asyncio.to_thread(config_for, binary, service)
            front = parts.enter_context(centrifugo.running(binary, config, **guard_of(binary, variables)))
            yield Stack(identity, TicketOffice(identity), service, front, config)


def config_for(binary: Path, service: Service, **variables: str) -> Config:
    """The configuration that the service prints for this Centrifugo; `variables` override the service's."""
    own = {"LISTEN_PORT": str(service.port), **service.variables}
    return centrifugo.generated(centrifugo.layout(binary), **{**own, **variables})


def guard_of(binary: Path, variables: dict[str, str]) -> dict[str, str]:
    """Centrifugo's environment, with the guard's token if the service has a guard."""
    token = variables.get("CENTRIFUGO_PROXY_TOKEN", "")
    return centrifugo.guard_variables(centrifugo.layout(binary), token) if token else {}
