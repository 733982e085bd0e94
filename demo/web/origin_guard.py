"""Refuses requests from other web sites. Otherwise, they could use the page's controls through a user's browser."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

NAMES: Final = ("127.0.0.1", "localhost")
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OnPrepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def origins(port: int) -> list[str]:
    """The origins of the page. The page can be opened with each of NAMES."""
    return [f"http://{name}:{port}" for name in NAMES]


def refusal(method: str, host: str, origin: str | None, fetch_site: str | None, port: int) -> str:
    """The reason why a request is refused; "" if it is accepted.

    A request with another name in `Host` may come from a page whose name resolves to loopback (DNS rebinding). Browsers
    send `Origin` with each request that changes state. Programs such as curl send no `Origin`.
    """
    if host not in {f"{name}:{port}" for name in NAMES}:
        return f"Host is {host[:100]!r}; accepted: {' and '.join(f'{name}:{port}' for name in NAMES)}."
    if origin is not None and origin != f"http://{host}":
        return f"Origin is {origin[:100]!r}; accepted: the origin of this page."
    if method not in SAFE_METHODS and fetch_site not in (None, "same-origin"):
        return f"Sec-Fetch-Site is {fetch_site[:20]!r}; accepted: same-origin."
    return ""


def guarded(port: int) -> Middleware:
    """A middleware that refuses requests from other sites."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        values = request.headers
        why = refusal(request.method, request.host, values.get("Origin"), values.get("Sec-Fetch-Site"), port)
        return web.Response(status=403, text=f"{why}\n") if why else await handler(request)

    return guard


def restricted(websocket_urls: tuple[str, ...]) -> OnPrepare:
    """A handler that aiohttp calls for every answer. It sets the headers that restrict the page.

    It is called for errors too, but not for the 400 for a malformed request. The page may load only its own scripts,
    styles and images. It may connect only to its server and to `websocket_urls`.
    """
    headers = _headers(websocket_urls)

    async def restrict(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    return restrict


def _headers(websocket_urls: tuple[str, ...]) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": " ".join(("'self'", *websocket_urls)),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
    }
