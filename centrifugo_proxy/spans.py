"""The two spans of a proxy request, as the proxy sees them: a server span, and a client span for each gRPC call.

These ones are off and do nothing; realtime_site/tracing/tracer.py has those that record.
"""

from typing import Any, Final

Metadata = tuple[tuple[str, str], ...]


class Span:
    """A span, to be ended once."""

    metadata: Metadata = ()

    def end(self, status: int, outcome: str = "") -> None:
        """End with an HTTP (0 = nothing was sent) or a gRPC status code."""


class Tracer:
    """Makes the spans of proxy requests."""

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        """The span of an HTTP request, a child of an incoming `traceparent`; current until it is ended."""
        return OFF_SPAN

    def client_span(self, service: str, method: str, peer: str = "") -> Span:
        """The span of a unary gRPC call under the current one, with the `metadata` that carries it on.

        `peer` tells apart those who serve the same method.
        """
        return OFF_SPAN


OFF_SPAN: Final = Span()
OFF: Final = Tracer()
