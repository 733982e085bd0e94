"""The interface of an event, and its collaborators."""

from typing import Any, Protocol

from centrifugo_proxy.events.decision import Decision


class Clock(Protocol):
    """Time in seconds: monotonic for durations, Unix time for expiries and display."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...


class Caller(Protocol):
    """The client of the HTTP request."""

    async def gone(self) -> bool:
        """True if its connection is known to be closed."""


class Event(Protocol):
    """The handler of one of Centrifugo's events: decides about a parsed request."""

    async def decide(self, request: Any, caller: Caller) -> Decision:
        """The decision about a request that the event's parser has made.

        Raises BadRequest, CallerGone, BackendUnavailable, IdentityUnavailable, IdentityInterrupted or ShareTaken. Any
        other exception is an internal error.
        """


class CallerGone(Exception):
    """The caller hung up before it could be answered."""
