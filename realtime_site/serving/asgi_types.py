"""ASGI's three arguments: https://asgi.readthedocs.io/en/latest/specs/main.html."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

# Key in scope["extensions"]: an async function without arguments, True if the client has closed its connection.
CLIENT_LEFT: Final = "realtime_site.client_left"

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
