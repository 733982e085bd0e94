"""The interface for spans of requests to Centrifugo. `OFF` is the implementation that does nothing."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from bridge.commands import Record
from bridge.delivery.verdicts import Failure


class Span(Protocol):
    """A request to Centrifugo in flight. `headers` carry the trace context."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def end(self, failure: Failure | None) -> None:
        """The request has ended."""


class Tracer(Protocol):
    """Makes a span for each request."""

    def request(self, records: Sequence[Record], commands: int) -> Span:
        """A request with this many commands begins. Their records may carry trace contexts."""


class _NoSpan:
    headers: Mapping[str, str] = {}

    def end(self, failure: Failure | None) -> None:
        """Records nothing."""


class _NoTracer:
    def request(self, records: Sequence[Record], commands: int) -> Span:
        return NO_SPAN


NO_SPAN: Final = _NoSpan()
OFF: Final[Tracer] = _NoTracer()
