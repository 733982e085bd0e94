"""ASGI's three arguments: https://asgi.readthedocs.io/en/latest/specs/main.html."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

# The extension of a scope that says whether its client has left: an async function without arguments.
CLIENT_LEFT: Final = "realtime_site.client_left"

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
