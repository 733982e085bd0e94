"""A stack that answers every event, has a policy, and records the traffic between Centrifugo and the service."""

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.clients import SdkClient, one_after_another, sdk_client
from tests.e2e.stack import CLIENT, CONNECT, Service, guard_of
from tests.e2e.tickets import TicketOffice
from tests.harness import centrifugo
from tests.harness.backends import FamilyServiceStub, RpcBackendStub, family_service, rpc_backend
from tests.harness.centrifugo import Centrifugo, Config
from tests.harness.identity import IdentityStub, identity_stub
from tests.harness.waiting import until
from tests.harness.wire_tap import WireTap, wire_tap
from tools.ports import free_port

LIMIT = 64
POLICY = f"""
[[channels]]
match = "family:{{family_id}}:chat"
allow = ["subscribe", "publish"]
feature = "chat"
max_publish_bytes = {LIMIT}

[[channels]]
match = "family:{{family_id}}:typing"
allow = ["subscribe", "publish"]
feature = "chat"
skip_history = true

[[channels]]
match = "room:*"
allow = ["subscribe", "publish"]
ask_family_service = true

[[channels]]
match = "news:*"
allow = ["subscribe"]
sensitive = false

[[rpc]]
match = "diary.*"
backend = "diary"
feature = "diary"

[[rpc]]
match = "weather.*"
backend = "diary"
sensitive = false

[[rpc]]
match = "gone.*"
backend = "gone"
"""
SUBSCRIPTION_TTL_S = 1  # after this time sub_refresh decides again
WINDOW_MS = 1500  # also the deadline of calls to identity: long enough for a stub on a busy machine
POOL = 5
# By default Centrifugo checks subscriptions every 27 seconds and waits another 25 seconds after their end.
SOON = {"presence_update_interval": "1s", "expired_sub_close_delay": "100ms"}
UNLOCKED = {
    "screen_time_lock": False,
    "feature_lock_chat": False,
    "feature_lock_diary": False,
    "feature_lock_flowcoach": False,
}
KNOWN = {"family_id": "f-1", "subscription_tier": "free", "is_admin": False, "parental_state": UNLOCKED}
SUB_REFRESH = {**CLIENT, "user": "u-1", "channel": "room:1", "meta": KNOWN}


@dataclass(frozen=True)
class FamilyStack:
    """A running stack. `pool` has unused fallback tickets; `config` is the printed configuration."""

    identity: IdentityStub
    tickets: TicketOffice
    family_service: FamilyServiceStub
    diary: RpcBackendStub
    service: Service
    wire: WireTap
    centrifugo: Centrifugo
    config: Config
    pool: list[str]
    api_key: str

    @property
    def url(self) -> str:
        return self.centrifugo.websocket

    @asynccontextmanager
    async def member(self, user: str, family: str, **known: Any) -> AsyncIterator[SdkClient]:
        """A connected client of this user; `known` are further fields of identity's Success."""
        ticket = self.tickets.issue(user, family_id=family, **known)
        async with sdk_client(self.url, one_after_another(ticket)) as client:
            await until(lambda: client.connected)
            yield client

    @asynccontextmanager
    async def fallback_member(self, *later_tickets: str) -> AsyncIterator[SdkClient]:
        """A client that connects with a fallback ticket; call it in an outage."""
        async with sdk_client(self.url, one_after_another(self.pool.pop(), *later_tickets)) as client:
            await until(lambda: client.connected)
            yield client

    @asynccontextmanager
    async def without_identity(self) -> AsyncIterator[None]:
        """An outage in which the pool is open; at the end identity is up again."""
        await self.identity.stop()
        try:
            await self.service.until_answered(503, "connect", CONNECT)
            await asyncio.sleep(WINDOW_MS / 1000 + 0.1)
            yield
        finally:
            await self.identity.start()
            await self.service.until_answered(401, "connect", CONNECT)

    @asynccontextmanager
    async def without_family_service(self) -> AsyncIterator[None]:
        """The family service is down; at the end it is up and reachable again."""
        await self.family_service.stop()
        try:
            yield
        finally:
            await self.family_service.start()
            await self.service.until_answered(200, "sub_refresh", SUB_REFRESH)


@asynccontextmanager
async def family_stack(binary: Path, folder: Path) -> AsyncIterator[FamilyStack]:
    """A running stack; `folder` is for its files."""
    pool = [secrets.token_urlsafe(32) for _ in range(POOL)]
    api_key = secrets.token_hex(16)
    async with AsyncExitStack() as servers:
        identity = await servers.enter_async_context(identity_stub())
        access = await servers.enter_async_context(family_service())
        diary = await servers.enter_async_context(rpc_backend())
        service = Service(
            IDENTITY_VALIDATE_GRPC_ADDRESS=identity.address,
            IDENTITY_VALIDATE_DEADLINE_MS=str(WINDOW_MS),
            CENTRIFUGO_PROXY_TOKEN=secrets.token_hex(16),
            CHANNEL_POLICY_PATH=written(folder / "policy.toml", POLICY),
            CHANNEL_SUBSCRIPTION_TTL_S=str(SUBSCRIPTION_TTL_S),
            FAMILY_SERVICE_GRPC_ADDRESS=access.address,
            RPC_BACKENDS=f"diary={diary.address},gone=127.0.0.1:{free_port()}",
            FALLBACK_TICKETS_PATH=written(folder / "pool", "\n".join(pool)),
            FALLBACK_DEGRADED_WINDOW_MS=str(WINDOW_MS),
            FALLBACK_LOW_WATERMARK="0",
        )
        with ExitStack() as parts:
            parts.callback(service.close)
            await service.start()
            wire = parts.enter_context(wire_tap(service.port))
            major = centrifugo.layout(binary)
            config = await asyncio.to_thread(centrifugo.generated, major, wire.url, **service.variables)
            front = parts.enter_context(
                centrifugo.running(
                    binary, with_api(quick(config, major), major, api_key), **guard_of(binary, service.variables)
                )
            )
            yield FamilyStack(
                identity, TicketOffice(identity), access, diary, service, wire, front, config, pool, api_key
            )


def quick(config: Config, major: int) -> Config:
    """The configuration with history and presence, and without Centrifugo's long default intervals."""
    shown = {"presence": True, "allow_presence_for_subscriber": True, "history_size": 10, "history_ttl": "60s"}
    shown["allow_history_for_subscriber"] = True
    return centrifugo.with_client_options(
        centrifugo.with_channel_options(config, major, "family", **shown), major, **SOON
    )


def with_api(config: Config, major: int, key: str) -> Config:
    """The configuration with a key for the server API."""
    return centrifugo.merged(config, {"api_key": key} if major == 5 else {"http_api": {"key": key}})


def written(file: Path, text: str) -> str:
    """The path of a file with this text that only its owner can read."""
    file.touch(mode=0o600)
    file.write_text(text)
    return str(file)


def soon(seconds: int) -> int:
    """An `expire_at`, in Unix seconds, at least this many seconds from now."""
    return math.ceil(time.time()) + seconds
