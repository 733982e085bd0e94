"""Middlewares as plain coroutines: a synchronous hook would use a thread for every request."""

from collections.abc import Awaitable, Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.decorators import async_only_middleware

from centrifugo_proxy.web.request_context import scope_of
from centrifugo_proxy.web.responses import json_error

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponse]]

ANY_HOST: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


@async_only_middleware
def allowed_hosts(get_response: GetResponse) -> GetResponse:
    """Answer 400 for a Host that is not in ALLOWED_HOSTS.

    The views do not check the Host themselves, because they never call Django's `get_host`.

    Health and metrics are answered for any Host: kubelets and Prometheus send the pod's address, which no setting can
    list. If ALLOWED_HOSTS contains "*", the middleware is not installed.
    """
    allowed = settings.ALLOWED_HOSTS
    if "*" in allowed:
        raise MiddlewareNotUsed

    async def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info in ANY_HOST:
            return await get_response(request)
        host = next((value for name, value in scope_of(request)["headers"] if name == b"host"), b"")
        domain, _ = split_domain_port(host.decode("latin-1"))
        if domain and validate_host(domain, allowed):
            return await get_response(request)
        return json_error(400, "host not allowed")

    return middleware
