"""Responses and decorators that the views share."""

from collections.abc import Callable, Coroutine, Iterator
from functools import lru_cache, wraps
from typing import Any, Final

import orjson
from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.cookie import SimpleCookie
from django.http.response import HttpResponseBase, ResponseHeaders
from django.utils.functional import cached_property

View = Callable[..., Coroutine[Any, Any, HttpResponse]]
AsgiHeaders = tuple[tuple[bytes, bytes], ...]

CONTENT_TYPE: Final = "application/json"


class JsonResponse(HttpResponse):
    """A response with a body of bytes. The bytes are JSON if `headers` sets no other content type.

    The other attributes of a response are created on first use.
    """

    content: bytes = b""  # replaces Django's property, which copies the bytes into a list and back
    closed = False
    _has_own_headers = False
    _charset = "utf-8"
    _reason_phrase = None
    _handler_class = None
    # The body is not a list of parts, so nothing can be appended.
    writable, write, writelines = HttpResponseBase.writable, HttpResponseBase.write, HttpResponseBase.writelines

    def __init__(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.content = body
        self.status_code = status
        if headers:
            for name, value in headers.items():
                self.headers[name] = value

    def __iter__(self) -> Iterator[bytes]:
        yield self.content

    @cached_property
    def _resource_closers(self) -> list[Callable[[], None]]:
        return []

    @cached_property
    def headers(self) -> ResponseHeaders:  # type: ignore[override]
        self._has_own_headers = True
        return ResponseHeaders({"Content-Type": CONTENT_TYPE, "Content-Length": str(len(self.content))})

    @cached_property
    def cookies(self) -> SimpleCookie:  # type: ignore[override]
        return SimpleCookie()

    def asgi_headers(self) -> AsgiHeaders:
        """The headers in ASGI's form. The service sets no cookies."""
        if self._has_own_headers:
            return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in self.headers.items())
        return _plain_headers(len(self.content))


@lru_cache(maxsize=1024)
def _plain_headers(length: int) -> AsgiHeaders:
    return (b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % length)


def json_error(status: int, message: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """A short JSON error outside of an event's decision: for a wrong path, method or host, or for a bug."""
    return JsonResponse(orjson.dumps({"error": {"code": status, "message": message}}), status, headers)


def allow(*methods: str) -> Callable[[View], View]:
    """Decorates a view: requests with other methods get 405, `Allow` and a JSON body."""

    async def refuse() -> HttpResponse:
        return json_error(405, "method not allowed", {"Allow": ", ".join(methods)})

    def decorate(view: View) -> View:
        @wraps(view)
        def allowed(request: HttpRequest) -> Coroutine[Any, Any, HttpResponse]:
            return view(request) if request.method in methods else refuse()

        return markcoroutinefunction(allowed)

    return decorate


async def not_found(request: HttpRequest) -> HttpResponse:
    """Answers 404. Without this view, Django would raise Http404 and answer from a thread."""
    return json_error(404, "not found")
