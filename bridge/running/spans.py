"""The spans of requests to Centrifugo, as the sender sees them. Off unless tracing is configured."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from bridge.commands import Record
from bridge.delivery.verdicts import Failure


class Span(Protocol):
    """A request to Centrifugo under way. `headers` carry the trace context."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def end(self, failure: Failure | None) -> None:
        """The request is over."""


class Tracer(Protocol):
    """Makes a span for each request."""

    def request(self, records: Sequence[Record], commands: int) -> Span:
        """A request of so many commands begins; the records they come from may carry trace contexts."""


class _NoSpan:
    headers: Mapping[str, str] = {}

    def end(self, failure: Failure | None) -> None:
        """Nothing is recorded."""


class _NoTracer:
    def request(self, records: Sequence[Record], commands: int) -> Span:
        return NO_SPAN


NO_SPAN: Final = _NoSpan()
OFF: Final[Tracer] = _NoTracer()
