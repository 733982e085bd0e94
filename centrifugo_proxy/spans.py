"""The interface for the spans of a proxy request: a server span, and a client span for each gRPC call.

The classes here do nothing. The classes in realtime_site/tracing/tracer.py record spans.
"""

from typing import Any, Final, NamedTuple

Metadata = tuple[tuple[str, str], ...]
# What `start_call` returns: the metadata to send, and the tracer's own values.
StartedCall = tuple[Any, ...]


class Called(NamedTuple):
    """A gRPC method. `peer` is the name of an rpc backend, because all rpc backends have the same method.

    For other services, `peer` is "".
    """

    service: str
    method: str
    peer: str = ""


class Span:
    """The server span of a request. Call `finish` once."""

    def finish(self, status: int, outcome: str = "") -> None:
        """End the span with the HTTP status of the answer. 0 means that no answer was sent."""


class Tracer:
    """Starts the spans of proxy requests."""

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        """Starts the span of an HTTP request, as a child of an incoming `traceparent`.

        The span is the current span until it ends.
        """
        return OFF_SPAN

    def start_call(self) -> StartedCall:
        """Starts the span of a unary gRPC call, as a child of the current span, and returns a tuple for `end_call`.

        The first item is the metadata that propagates the trace. A tuple is cheap, and every call creates one.
        """
        return OFF_CALL

    def end_call(self, call: StartedCall, called: Called, status: int) -> None:
        """Ends the span of a call with its gRPC status code."""


OFF_SPAN: Final = Span()
OFF_CALL: Final[StartedCall] = ((),)
OFF: Final = Tracer()
