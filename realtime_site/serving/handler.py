"""Django's ASGI handler without its threads.

Django's own handler uses threads to close a response, to log a refusal and to call the receivers of its signals. For
each request it starts two tasks, to watch for a disconnect. With that handler, a connect takes four to five times the
CPU (docs/performance.md). LeanHandler reads the body itself, up to a limit, and runs the middlewares and the view in
the server's task. LeanHandler does not send request_started and request_finished: databases and caches use these
signals, and this service has neither.

A test sends the same requests through both handlers (Django 5.2).
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch

from centrifugo_proxy.protocol import answers, codes
from centrifugo_proxy.telemetry.django_metrics import tally
from centrifugo_proxy.web.request_context import CALLER, UNREAD_BODY, scope_of
from centrifugo_proxy.web.responses import AsgiHeaders, JsonResponse, not_found
from realtime_site.serving.asgi_types import CLIENT_LEFT, RESPOND, TAKE_BODY, WAITED, Receive, Scope, Send
from realtime_site.serving.disconnect import AsgiCaller, Watch, not_known
from realtime_site.serving.request import LeanRequest

TOO_SLOW: Final = 408
# For requests that the server cancels at the end of its graceful shutdown.
SHUTTING_DOWN: Final = answers.render(answers.Error(codes.INTERNAL, "shutting down", temporary=True))
TOO_LARGE: Final = 413
LENGTH_DIGITS: Final = 20  # a content-length with this many digits exceeds every limit
NO_EXTENSIONS: Final[Mapping[str, Any]] = {}
NOT_FOUND: Final = ResolverMatch(not_found, (), {}, url_name="not-found")

TakeBody = Callable[[], bytes | None]
Respond = Callable[[int, AsgiHeaders, bytes], None]


class Disconnected(Exception):
    """The client hung up before its request was complete."""


class LeanHandler(ASGIHandler):
    """Answers HTTP requests in the running event loop."""

    def __init__(self) -> None:
        super().__init__()
        if self._view_middleware or self._template_response_middleware or self._exception_middleware:  # type: ignore[attr-defined]
            raise ImproperlyConfigured(
                "MIDDLEWARE has a middleware with process_view, process_template_response or process_exception; "
                "accepted: middlewares without these hooks, because the service does not call them."
            )
        self._watch = Watch(asyncio.get_running_loop())
        self._max_body_bytes: int = settings.PROXY_MAX_BODY_BYTES
        self._matches: dict[str, ResolverMatch] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = scope.get("extensions") or NO_EXTENSIONS
        caller = self._watch.enter(receive, extensions.get(CLIENT_LEFT), extensions.get(WAITED, not_known))
        scope[CALLER] = caller
        try:
            # The middlewares are called from this coroutine: every further coroutine would take time in each request.
            body = self._taken(scope, extensions.get(TAKE_BODY))
            if body is None:
                body = await self._read(scope, receive, caller)
            caller.reading = False
            request = LeanRequest(scope, body)
            response: HttpResponseBase = await self._middleware_chain(request)  # type: ignore[attr-defined]
            self._finish(request, response)
        except asyncio.CancelledError:
            if caller.hung_up:
                return caller.absorb_cancellation()
            response = JsonResponse(SHUTTING_DOWN, 503, {"Connection": "close"})
        except UnicodeDecodeError:  # from the query string
            response = HttpResponseBadRequest()
        except Disconnected:
            return None
        finally:
            self._watch.leave(caller)
        if not isinstance(response, JsonResponse):
            return await self.send_response(response, send)
        headers = response.asgi_headers()
        respond: Respond | None = extensions.get(RESPOND)
        if respond is not None:
            return respond(response.status_code, headers, response.content)
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        return await send({"type": "http.response.body", "body": response.content})

    def _taken(self, scope: Scope, take_body: TakeBody | None) -> bytes | None:
        """The body if it has arrived already, b"" if it is too large; None if it must be read."""
        body = None if take_body is None else take_body()
        return body if body is None or len(body) <= self._max_body_bytes else _unread(scope, TOO_LARGE)

    def _finish(self, request: LeanRequest, response: HttpResponseBase) -> None:
        """Count the request if it reached its view, and release it."""
        scope = request.scope
        if match := request.resolver_match:
            tally.count(match.view_name, request.method or "", scope["scheme"], response.status_code)
        request.close()
        if UNREAD_BODY in scope:
            response.headers["Connection"] = "close"

    async def _read(self, scope: Scope, receive: Receive, caller: AsgiCaller) -> bytes:
        """The body; b"" if it is too large or too slow. The scope then has the status to answer."""
        if _announced(scope) > self._max_body_bytes:  # checked before `receive`, which may send 100 Continue
            return _unread(scope, TOO_LARGE)
        body, more = bytearray(), True  # grows in place, for bodies in many small parts
        try:
            while more and len(body) <= self._max_body_bytes:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                body += message.get("body", b"")
                more = message.get("more_body", False)
        except asyncio.CancelledError:
            if not caller.too_slow:
                raise
            caller.absorb_cancellation()
            return _unread(scope, TOO_SLOW)
        return bytes(body) if len(body) <= self._max_body_bytes else _unread(scope, TOO_LARGE)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Same as Django, but answers 404 for an escaped path. The few routes are cached; unknown paths are not."""
        # Our paths need no escapes, and proxies in front of the service compare the path as it was sent.
        escaped = b"%" in scope_of(request).get("raw_path", b"")
        match = NOT_FOUND if escaped else self._matches.get(request.path_info)
        if match is None:
            match = self._resolved(request)
            if match.route and not match.kwargs:
                self._matches[request.path_info] = match
        request.resolver_match = match
        return match

    def _resolved(self, request: HttpRequest) -> ResolverMatch:
        try:
            return super().resolve_request(request)
        except Resolver404:  # for a target that is not a path, such as OPTIONS *
            return NOT_FOUND

    @markcoroutinefunction  # returns the view's coroutine, which Django awaits; this saves one coroutine
    def _get_response_async(self, request: HttpRequest) -> Coroutine[Any, Any, HttpResponseBase]:
        """The view's response. Every view is a coroutine function, and no middleware has hooks around it."""
        match = self.resolve_request(request)
        response: Coroutine[Any, Any, HttpResponseBase] = match.func(request, *match.args, **match.kwargs)
        return response


def _announced(scope: Scope) -> int:
    """The size of the body in the content-length header; 0 if there is no such header."""
    value: bytes = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    # A header may have thousands of digits, which int() refuses.
    digits = value.lstrip(b"0")[:LENGTH_DIGITS]
    return int(digits) if digits.isdigit() else 0


def _unread(scope: Scope, status: int) -> bytes:
    scope[UNREAD_BODY] = status
    return b""
