"""Values in a request's ASGI scope that the views read: the runtime, the caller, and the status for a refused body."""

from typing import Any, Final, Protocol

from django.http import HttpRequest

from centrifugo_proxy.events.base import Caller
from centrifugo_proxy.wiring.runtime import Runtime


class HttpCaller(Caller, Protocol):
    """A caller whose request may have waited before it was handled."""

    def waited_s(self) -> float:
        """Seconds since the request arrived at this host. 0 if unknown."""


class _Waiting:
    """A caller that never hangs up, for ASGI handlers that do not detect a hang-up."""

    async def gone(self) -> bool:
        return False

    def waited_s(self) -> float:
        return 0.0


WAITING: Final = _Waiting()
CALLER: Final = "realtime.caller"
# The status of the answer if the body was refused: 413 if it was too large, or 408 if it was too slow.
UNREAD_BODY: Final = "realtime.unread_body"


def scope_of(request: HttpRequest) -> dict[str, Any]:
    """The ASGI scope of `request`."""
    scope: dict[str, Any] = request.scope  # type: ignore[attr-defined]  # every request here is an ASGIRequest
    return scope


def caller_of(scope: dict[str, Any]) -> HttpCaller:
    """The caller that waits for the answer to this request. It is WAITING if the ASGI handler sets no caller."""
    caller: HttpCaller = scope.get(CALLER, WAITING)
    return caller


def runtime_of(request: HttpRequest) -> Runtime:
    """The runtime of the process that serves `request`. Raises RuntimeError if the lifespan did not run."""
    try:
        runtime: Runtime = scope_of(request)["state"]["runtime"]
    except KeyError:
        raise RuntimeError("The ASGI lifespan did not run. Turn it on in the server, or use manage.py serve.") from None
    return runtime
