"""What a Centrifugo configuration has to fit."""

from dataclasses import dataclass, field
from typing import Final

from centrifugo_proxy.codes import ResponseMode

GUARD_HEADER: Final = "X-Centrifugo-Proxy-Token"
SIGNATURE_HEADER: Final = "X-Centrifugo-Proxy-Signature"
IDENTITY_EVENTS: Final = ("connect", "refresh")  # these wait for the identity service
CHANNEL_EVENTS: Final = ("subscribe", "publish", "sub_refresh")
LATER_EVENTS: Final = ("refresh", *CHANNEL_EVENTS, "rpc")
EVENTS: Final = ("connect", *LATER_EVENTS)


@dataclass(frozen=True, slots=True)
class Expected:
    """This service, as Centrifugo sees it.

    `base_url` has no trailing slash. `tokens` are those the guard accepts, the current one first.
    `signed` says that the guard wants a signature too. `events` are those that are answered, connect included.
    """

    base_url: str
    deadline_ms: int
    mode: ResponseMode
    invalid_ticket_code: int
    tokens: tuple[bytes, ...] = field(default=(), repr=False)
    signed: bool = False
    events: tuple[str, ...] = ("connect",)

    def endpoint(self, event: str) -> str:
        """The URL Centrifugo posts this event to."""
        return f"{self.base_url}{path_of(event)}"

    def later_events(self, among: tuple[str, ...] = LATER_EVENTS) -> tuple[str, ...]:
        """The answered events out of `among`."""
        return tuple(event for event in among if event in self.events)


def path_of(event: str) -> str:
    """Where this service answers the event."""
    return f"/centrifugo/{event}"


def reconnects(code: int) -> bool:
    """Whether the SDKs connect again after this disconnect code: https://centrifugal.dev/docs/server/codes"""
    return not (3500 <= code < 4000 or 4500 <= code < 5000)
