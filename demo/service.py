"""The names that the service's callers use: the path of an event, and the header of the guard."""

from typing import Final

GUARD_HEADER: Final = "X-Centrifugo-Proxy-Token"


def endpoint(service_url: str, event: str) -> str:
    """The URL to which Centrifugo posts this event."""
    return f"{service_url}/centrifugo/{event}"
