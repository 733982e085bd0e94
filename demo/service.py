"""The names that callers of the service need: the path of an event, and the guard's header."""

from typing import Final

GUARD_HEADER: Final = "X-Centrifugo-Proxy-Token"


def endpoint(service_url: str, event: str) -> str:
    """The URL to which Centrifugo posts this event."""
    return f"{service_url}/centrifugo/{event}"
