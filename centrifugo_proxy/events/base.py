"""What an event is, and who it works with."""

from typing import Any, Protocol

from centrifugo_proxy.events.decision import Decision


class Clock(Protocol):
    """Both kinds of time, in seconds: one for durations, one for what is written down."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...


class Caller(Protocol):
    """Whoever waits for the answer."""

    async def gone(self) -> bool:
        """Whether the connection to it is known to be closed."""


class Event(Protocol):
    """One of Centrifugo's events: decides about a request that has been parsed."""

    async def decide(self, request: Any, caller: Caller) -> Decision: ...


class CallerGone(Exception):
    """The caller hung up before it could be answered."""
