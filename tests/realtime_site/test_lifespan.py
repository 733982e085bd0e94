"""The ASGI lifespan: readiness from startup to shutdown, and failed startups."""

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from realtime_site.asgi import Application
from realtime_site.lifespan import open_runtime
from realtime_site.serving.asgi_types import Message, Scope
from realtime_site.serving.overload import OVERLOAD
from tests.harness.identity import IdentityStub
from tests.harness.service import pool_of, service


def application() -> Application:
    return Application(open_runtime(settings, pool_of([])))


async def talk(app: Application, scope: Scope, *messages: Message) -> list[Message]:
    """The messages that the application sends when it receives these messages."""
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    for message in messages:
        incoming.put_nowait(message)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, incoming.get, send)
    return sent


async def test_the_service_is_ready_from_startup_to_shutdown() -> None:
    async with open_runtime(settings, pool_of([])) as runtime:
        assert runtime.readiness.ready

    assert not runtime.readiness.ready


async def test_startup_and_shutdown_are_reported_to_the_server() -> None:
    state: dict[str, Any] = {}
    scope = {"type": "lifespan", "state": state}

    sent = await talk(application(), scope, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})

    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert list(state) == ["runtime", OVERLOAD]


async def test_after_sigterm_the_service_is_alive_and_answers_but_is_not_ready(identity: IdentityStub) -> None:
    async with service(identity.address) as running:
        before = (await running.http.get("/health/ready")).status_code
        os.kill(os.getpid(), signal.SIGTERM)
        ready = await running.http.get("/health/ready")
        live = await running.http.get("/health/live")
        connect = await running.connect()

    assert before == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "shutting down"})
    assert (live.status_code, connect.status_code) == (200, 200)


async def test_the_servers_own_sigterm_handler_is_called_and_restored() -> None:
    heard: list[int] = []

    def of_the_server(number: int, frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, of_the_server)
    try:
        async with open_runtime(settings, pool_of([])) as runtime:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)

            assert (heard, runtime.readiness.ready) == ([signal.SIGTERM], False)
        assert signal.getsignal(signal.SIGTERM) is of_the_server
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_service_in_another_thread_starts_although_it_cannot_handle_signals() -> None:
    ready: list[bool] = []

    async def live() -> None:
        async with open_runtime(settings, pool_of([])) as runtime:
            ready.append(runtime.readiness.ready)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    thread.join()

    assert ready == [True]


async def test_a_failed_startup_is_reported_to_the_server_with_its_reason(tmp_path: Path) -> None:
    missing = str(tmp_path / "ca.pem")

    with override_settings(IDENTITY_VALIDATE_NEGOTIATION_TYPE="tls", IDENTITY_TLS_CA_FILE=missing):
        sent = await talk(application(), {"type": "lifespan", "state": {}}, {"type": "lifespan.startup"})

    assert sent == [{"type": "lifespan.startup.failed", "message": f"cannot read {missing}: No such file or directory"}]


async def test_a_request_before_startup_raises_an_error_with_the_remedy() -> None:
    with pytest.raises(RuntimeError, match="start uvicorn with --lifespan on"):
        await talk(application(), {"type": "http"})


async def test_a_websocket_is_closed() -> None:
    assert await talk(application(), {"type": "websocket"}) == [{"type": "websocket.close"}]
