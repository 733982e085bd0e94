"""The interface of an event, and the interfaces that an event uses."""

from typing import Any, Protocol

from centrifugo_proxy.events.decision import Decision


class Clock(Protocol):
    """Time in seconds: monotonic for durations, Unix time for expiries and display."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...


class Caller(Protocol):
    """The sender of the HTTP request, which is normally Centrifugo."""

    async def gone(self) -> bool:
        """True if the HTTP connection of the caller is known to be closed."""


class Event(Protocol):
    """The handler of one of Centrifugo's events. It decides about a parsed request."""

    async def decide(self, request: Any, caller: Caller) -> Decision:
        """Decide about a request that the event's parser has returned.

        Raises BadRequest, CallerGone, BackendUnavailable, IdentityUnavailable, IdentityInterrupted or ShareTaken. Any
        other exception is an internal error.
        """


class CallerGone(Exception):
    """The caller hung up before the service could answer."""
