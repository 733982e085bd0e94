"""Controls of the demonstration, over HTTP on loopback: identity down and up, tickets, a parental lock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus

from demo.identity import LOOPBACK, MemoryIdentity
from demo.people import HOUSEHOLDS

READ_TIMEOUT_S = 5.0

Route = Callable[[], Awaitable[str]]
Routes = dict[str, Route]
Levers = Routes


@asynccontextmanager
async def running_control(identity: MemoryIdentity, more: Levers | None = None) -> AsyncIterator[str]:
    """The URL of the controls, on a free port; `more` may get further ones while it runs."""
    own, further = routes_of(identity), more if more is not None else {}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await _answer(reader, {**own, **further}))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client has gone, or does not speak HTTP
        finally:
            writer.close()

    server = await asyncio.start_server(talk, LOOPBACK, 0)
    async with server:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"


def routes_of(identity: MemoryIdentity) -> Routes:
    """The answer to a request, by method and path."""

    async def cut_off() -> str:
        await identity.down()
        return "identity is down"

    async def bring_back() -> str:
        await identity.up()
        return "identity is up"

    async def mint(user: str = "") -> str:
        return identity.mint(user)

    async def lock(*, locked: bool) -> str:
        identity.lock_chat("child", locked=locked)
        return f"the child's chat is {'locked' if locked else 'open'}"

    return {
        "POST /identity/down": cut_off,
        "POST /identity/up": bring_back,
        "POST /ticket": mint,
        **{f"POST /ticket/{user}": partial(mint, user) for user in HOUSEHOLDS},
        "POST /lock": partial(lock, locked=True),
        "POST /unlock": partial(lock, locked=False),
    }


async def _answer(reader: asyncio.StreamReader, routes: Routes) -> bytes:
    async with asyncio.timeout(READ_TIMEOUT_S):
        head = await reader.readuntil(b"\r\n\r\n")
    lever = head.decode("latin-1").partition(" HTTP/")[0]
    if lever in routes:
        return _response(HTTPStatus.OK, await routes[lever]())
    return _response(HTTPStatus.NOT_FOUND, "There is:\n" + "\n".join(routes))


def _response(status: HTTPStatus, text: str) -> bytes:
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
