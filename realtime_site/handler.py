"""Django's ASGI handler without its threads.

The stock handler gives each request a thread, closes responses in one, logs refusals in one, and spends two
tasks on watching for a disconnect: many times the work of a connect callback (docs/performance.md). This one
reads the body itself, bounded; runs the middlewares and the view in the server's task; and begins to watch for
a disconnect when an answer takes its time. It sends no request_started and request_finished signals: they are
for databases and caches, and there are none.

Kept in step with Django 5.2: a test sends the same requests through both.
"""

import asyncio
from io import BytesIO
from typing import Final

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse

from centrifugo_proxy.runtime import CALLER, UNREAD_BODY
from realtime_site.asgi_types import Receive, Scope, Send
from realtime_site.disconnect import AsgiCaller

BODY_TIMEOUT_S: Final = 10.0


class Disconnected(Exception):
    """The client hung up before its request was whole."""


class UnreadBody(Exception):
    """The body was given up; `status` says why: 413 too large, 408 too slow."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LeanHandler(ASGIHandler):
    """Serves HTTP scopes."""

    def __init__(self) -> None:
        super().__init__()
        self._max_body_bytes: int = settings.PROXY_MAX_BODY_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._read(receive)
        except Disconnected:
            return
        except UnreadBody as unread:
            scope[UNREAD_BODY] = unread.status
            body = b""
        request, response = self.create_request(scope, BytesIO(body))
        if request is not None:
            request._body = body
            response = await self._respond(request, scope, receive)
        if response is None:
            return
        if UNREAD_BODY in scope:
            response.headers["Connection"] = "close"
        await self.send_response(response, send)

    async def _respond(self, request: ASGIRequest, scope: Scope, receive: Receive) -> HttpResponse | None:
        """The response, None when the client has gone. Cancellation by anybody else goes on."""
        task = asyncio.current_task()
        assert task is not None
        scope[CALLER] = caller = AsgiCaller(receive)
        caller.watch(task)
        try:
            response: HttpResponse = await self._middleware_chain(request)  # type: ignore[attr-defined]
        except asyncio.CancelledError:
            if not caller.hung_up:
                raise
            task.uncancel()
            return None
        finally:
            caller.unwatch()
            request.close()
        return response

    async def _read(self, receive: Receive) -> bytes:
        """The body, up to the limit; what is past it stays unread."""
        body = b""
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    part: bytes = message.get("body", b"")
                    body += part
                    if len(body) > self._max_body_bytes:
                        raise UnreadBody(413)
                    if not message.get("more_body", False):
                        return body
        except TimeoutError:
            raise UnreadBody(408) from None
