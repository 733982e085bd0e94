"""The HTTP server of the page and of the levers, on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from demo.control import Levers
from demo.identity import LOOPBACK
from demo.web.origin_guard import guarded, restricted
from tools.ports import free_port

MAX_BODY_BYTES = 16 * 1024
# After Ctrl-C, an answer may take this long.
END_TIMEOUT_S = 1.0


@asynccontextmanager
async def running_server(
    levers: Levers, routes: Iterable[web.AbstractRouteDef] = (), *, port: int = 0, websocket_urls: tuple[str, ...] = ()
) -> AsyncIterator[str]:
    """Run the server, and yield its URL. The caller may add levers to `levers` while the server runs.

    Port 0 means any free port. `websocket_urls` are addresses to which the page may also connect.
    """
    port = port or free_port()
    app = web.Application(middlewares=[guarded(port)], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(restricted(websocket_urls))
    app.add_routes(routes)
    app.router.add_route("*", "/{lever:.*}", _pulling(levers))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=END_TIMEOUT_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield f"http://{LOOPBACK}:{port}"
    finally:
        await runner.cleanup()


def _pulling(levers: Levers) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler that calls the lever for the method and path of the request. If there is none, it lists all levers."""

    async def pull(request: web.Request) -> web.StreamResponse:
        lever = f"{request.method} {request.path}"
        if lever in levers:
            return web.Response(text=f"{await levers[lever]()}\n")
        return web.Response(status=404, text="\n".join(("Not found. Available:", *levers, "")))

    return pull
