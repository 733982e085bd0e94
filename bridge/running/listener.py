"""Serves /health and /metrics of the bridge."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from bridge.running.health import Health

JSON: Final = "application/json"
Answer = tuple[int, str, bytes]


class ListenError(Exception):
    """The server cannot listen on the port."""


class Pages:
    """An ASGI application. `refresh` updates the gauges before a scrape."""

    def __init__(self, health: Health, registry: CollectorRegistry, refresh: Callable[[], None]) -> None:
        self._health = health
        self._registry = registry
        self._refresh = refresh

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        status, content_type, body = self._answer(scope["method"], scope["path"])
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            *([(b"allow", b"GET, HEAD")] if status == 405 else []),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> Answer:
        if path not in ("/health", "/health/live", "/health/ready", "/metrics"):
            return 404, JSON, b'{"error":"not found"}'
        if method not in ("GET", "HEAD"):
            return 405, JSON, b'{"error":"method not allowed"}'
        if path == "/metrics":
            self._refresh()
            return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == "/health":
            return 200, JSON, orjson.dumps(self._health.body())
        good = self._health.live if path == "/health/live" else self._health.ready
        return (200, JSON, b'{"status":"ok"}') if good else (503, JSON, b'{"status":"unavailable"}')


@asynccontextmanager
async def listening(pages: Pages, host: str, port: int) -> AsyncIterator[None]:
    """Serve the pages while the context lasts. Raises ListenError."""
    config = uvicorn.Config(
        pages,
        host=host,
        port=port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(_serve(server))
    try:
        while not server.started:
            if task.done():
                raise ListenError(f"cannot listen on {host}:{port}; the previous log line has the reason")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


async def _serve(server: uvicorn.Server) -> None:
    """Run the server. If uvicorn cannot bind, it raises SystemExit, which must end only this task."""
    try:
        await server.serve()
    except SystemExit:
        return
