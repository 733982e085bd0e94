"""Small HTTP pieces shared by the views."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse

View = Callable[..., Coroutine[Any, Any, HttpResponse]]


class JsonResponse(HttpResponse):
    """A body that is JSON already."""

    def __init__(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(
            body,
            status=status,
            headers={"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})},
        )


def error(status: int, message: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """A short JSON error for whoever called with the wrong path, method or host."""
    return JsonResponse(orjson.dumps({"error": {"code": status, "message": message}}), status, headers)


def allow(*methods: str) -> Callable[[View], View]:
    """405 with `Allow` for another method, in JSON."""

    def decorate(view: View) -> View:
        @wraps(view)
        async def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method in methods:
                return await view(request, *args, **kwargs)
            return error(405, "method not allowed", {"Allow": ", ".join(methods)})

        return allowed

    return decorate


async def not_found(request: HttpRequest) -> HttpResponse:
    """404 as an ordinary view: Django would raise, and answer from a thread."""
    return error(404, "not found")
