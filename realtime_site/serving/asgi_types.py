"""The types of ASGI's three arguments, and the keys of our extensions in the scope.

https://asgi.readthedocs.io/en/latest/specs/main.html
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

# Keys in scope["extensions"].
# An async function without arguments: True if the client has closed its connection.
CLIENT_LEFT: Final = "realtime_site.client_left"
# A function without arguments, called once instead of `receive`: the whole body, or None if it has not arrived yet.
TAKE_BODY: Final = "realtime_site.take_body"
# A function of status, headers and body, called instead of `send`: writes the whole response.
RESPOND: Final = "realtime_site.respond"
# A function without arguments: the seconds since the request arrived at this host.
WAITED: Final = "realtime_site.waited"

# A key of the scope: whether the request has a traceparent header.
HAS_TRACEPARENT: Final = "realtime_site.has_traceparent"

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]
