"""Apps with the published SDKs during an outage, a fallback connection and the return to identity."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from centrifugo_proxy.protocol.codes import ResponseMode, default_unavailable
from tests.e2e.app import Backend, js_app
from tests.e2e.clients import SdkClient, sdk_client
from tests.e2e.family import with_api, written
from tests.e2e.tickets import TicketOffice
from tests.harness import centrifugo
from tests.harness.identity import IdentityStub, identity_stub
from tests.harness.node import needs_node
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.service import uvicorn_service
from tests.harness.waiting import until

pytestmark = [needs_node, pytest.mark.processes]

POLICY = """
[[channels]]
match = "family:{family_id}"
allow = ["subscribe"]
feature = "chat"

[[channels]]
match = "user:{user}"
allow = ["subscribe"]

[[channels]]
match = "news:*"
allow = ["subscribe"]
"""
POOL = [secrets.token_urlsafe(32) for _ in range(8)]
# These times are short, but longer than the delays of the stubs on a busy machine.
DEADLINE_MS, WINDOW_MS, PROBE_MS, TTL_S = 800, 1000, 200, 3
RECONNECT = {"code": 4000, "reason": "the network changed"}


@dataclass(frozen=True)
class Installation:
    """Identity, this service, Centrifugo in front of it, and the app's backend."""

    identity: IdentityStub
    backend: Backend
    front: centrifugo.Centrifugo
    api_key: str

    async def api(self, method: str, **fields: Any) -> None:
        """Call a method of Centrifugo's server API."""
        async with httpx.AsyncClient(headers={"X-API-Key": self.api_key}, verify=NO_CERTIFICATES) as http:
            answer = await http.post(f"{self.front.url}/api/{method}", json=fields)
        assert "error" not in answer.json(), answer.text

    async def change_network_of(self, *users: str) -> None:
        for user in users:
            await self.api("disconnect", user=user, disconnect=RECONNECT)


@asynccontextmanager
async def installation(binary: Path, folder: Path, mode: ResponseMode) -> AsyncIterator[Installation]:
    """A running installation. The service runs in this process, because an operator cannot set a TTL below a minute."""
    own = {
        "CHANNEL_POLICY_PATH": written(folder / "policy.toml", POLICY),
        "FALLBACK_TICKETS_PATH": str(folder / "pool"),
    }
    settings: dict[str, Any] = {
        **own,
        "CENTRIFUGO_RESPONSE_MODE": mode,
        "CENTRIFUGO_UNAVAILABLE_CODE": default_unavailable(mode),
        "IDENTITY_VALIDATE_DEADLINE_MS": DEADLINE_MS,
        "IDENTITY_PROBE_INTERVAL_MS": PROBE_MS,
        "FALLBACK_DEGRADED_WINDOW_MS": WINDOW_MS,
        "FALLBACK_CONNECT_TTL_S": TTL_S,
    }
    async with AsyncExitStack() as parts:
        identity = await parts.enter_async_context(identity_stub())
        running = await parts.enter_async_context(uvicorn_service(identity.address, tickets=POOL, **settings))
        major, port = centrifugo.layout(binary), str(running.http.base_url.port)
        printed = {**own, "LISTEN_PORT": port, "CENTRIFUGO_RESPONSE_MODE": str(mode)}
        config = await asyncio.to_thread(centrifugo.generated, major, **printed)
        key = secrets.token_hex(16)
        front = parts.enter_context(centrifugo.running(binary, with_api(config, major, key)))
        backend = Backend(TicketOffice(identity), POOL, family_id="f-1")
        await parts.enter_async_context(backend.serving())
        yield Installation(identity, backend, front, key)


class PythonApp:
    """The getData of docs/fallback.md in Python: it keeps a fallback ticket until the app is connected."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._spare, self._spare_since = "", 0
        self.client: SdkClient | None = None  # until its first attempt has been made

    def get_ticket(self) -> str:
        connections = len(self.client.watcher.connections) if self.client else 0
        has_spare = self._spare != "" and self._spare_since == connections
        _, body = self._backend.ticket("u-py", has_spare=has_spare)
        if body["fallback"] and body["ticket"]:
            self._spare, self._spare_since = body["ticket"], connections
        return str(self._spare if body["fallback"] else body["ticket"])


@pytest.mark.parametrize("mode", list(ResponseMode))
async def test_after_an_outage_an_app_gets_all_its_subscriptions_back(
    centrifugo_bin: Path, tmp_path: Path, mode: ResponseMode
) -> None:
    of_js, of_python = ("family:f-1", "user:u-js", "news:today"), ("family:f-1", "user:u-py", "news:today")
    async with installation(centrifugo_bin, tmp_path, mode) as here:
        python = PythonApp(here.backend)
        async with (
            js_app(here.backend.url, here.front.websocket, of_js) as js,
            sdk_client(here.front.websocket, python.get_ticket, max_reconnect_delay=1) as client,
        ):
            python.client = client
            listeners = [await client.listen(channel) for channel in of_python]
            await until(lambda: len(js.subscribed()) == 3 and all(listener.entered for listener in listeners))

            here.backend.identity_up = False
            await here.identity.stop()
            await here.change_network_of("u-js", "u-py")
            await until(lambda: js.degraded() == [False, True] and len(client.watcher.connections) == 2)

            here.backend.identity_up = True
            await here.identity.start()
            await until(lambda: len(js.subscribed()) == 6 and all(listener.entered == 2 for listener in listeners))
            for channel in {*of_js, *of_python}:
                await here.api("publish", channel=channel, data={"to": channel})
            await until(lambda: len(js.shown()) == 3 and all(listener.received for listener in listeners))
            ended = js.ended() + client.watcher.ended + [end for listener in listeners for end in listener.ended]

    assert ended == []
    assert js.degraded() == [False, True, False]
    assert sorted(js.shown()) == sorted([channel, {"to": channel}] for channel in of_js)
    assert [listener.received for listener in listeners] == [[{"to": channel}] for channel in of_python]
    assert here.backend.handed_out == 2
