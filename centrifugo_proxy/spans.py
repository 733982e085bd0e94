"""The interface for the spans of a proxy request: a server span, and a client span for each gRPC call.

These classes do nothing; those in realtime_site/tracing/tracer.py record spans.
"""

from typing import Any, Final

Metadata = tuple[tuple[str, str], ...]


class Span:
    """A span; end it once."""

    metadata: Metadata = ()

    def end(self, status: int, outcome: str = "") -> None:
        """End with an HTTP (0 = nothing was sent) or a gRPC status code."""


class Tracer:
    """Starts the spans of proxy requests."""

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        """Starts the span of an HTTP request, below an incoming `traceparent`. It is current until it ends."""
        return OFF_SPAN

    def client_span(self, service: str, method: str, peer: str = "") -> Span:
        """Starts the span of a unary gRPC call under the current one; its `metadata` propagates the trace.

        `peer` distinguishes services with the same method.
        """
        return OFF_SPAN


OFF_SPAN: Final = Span()
OFF: Final = Tracer()
