"""The tracer for OTEL_SDK_DISABLED=true and for OTEL_TRACES_EXPORTER=none. It makes no spans. The calls for a
request carry the trace context of the request.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
"""

import re
from contextvars import ContextVar, Token
from typing import Any, Final

from centrifugo_proxy.spans import Metadata, Span, StartedCall, Tracer
from realtime_site.trace_state import is_passed_on

# A header that is valid as gRPC metadata: https://www.w3.org/TR/trace-context/
TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_carried: ContextVar[Metadata] = ContextVar("carried", default=())


class PassingTracer(Tracer):
    """Copies a request's trace context to the calls made for it."""

    def server_span(self, scope: dict[str, Any], route: str) -> Span:
        return _Request(_carried.set(_trace_context(scope["headers"])))

    def start_call(self) -> StartedCall:
        return (_carried.get(),)


class _Request(Span):
    def __init__(self, token: Token[Metadata]) -> None:
        self._token = token

    def finish(self, status: int, outcome: str = "") -> None:
        _carried.reset(self._token)


def _trace_context(headers: list[tuple[bytes, bytes]]) -> Metadata:
    given = dict(headers)
    parent, state = given.get(b"traceparent", b""), given.get(b"tracestate", b"")
    if not TRACEPARENT.fullmatch(parent):
        return ()
    metadata: Metadata = (("traceparent", parent.decode()),)
    return (*metadata, ("tracestate", state.decode())) if is_passed_on(state) else metadata
