"""The spans of proxy requests, as tuples. The exporting thread turns them into spans, which saves time in requests."""

from typing import Any, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from centrifugo_proxy.spans import Called

Items = tuple[tuple[str, str | int], ...]

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
NO_STATE = TraceState()  # the state of new traces, and of most callers' traces


class ServerFacts(NamedTuple):
    """Facts that the spans of many requests share. `server` is a host and a port. `status` is 0 if nothing was sent."""

    method: str
    route: str
    path: str
    scheme: str
    http_version: str
    server: tuple[str, int | None] | None
    status: int
    outcome: str


class ClientFacts(NamedTuple):
    """Facts that the spans of many calls share."""

    called: Called
    status: int


# The fields of ServerFacts or ClientFacts as a plain tuple, which is faster to create than a named tuple.
Facts = tuple[Any, ...]
# A client span below a request's span, also a plain tuple: facts, span_id, start and end.
Call = tuple[Facts, bytes, int, int]
# A sampled span that has ended: facts, trace_id, span_id, parent_id (b"" without a parent), whether the parent is
# remote, trace state, start and end, and the calls below it. Times are Unix nanoseconds.
Record = tuple[Facts, bytes, bytes, bytes, bool, TraceState, int, int, tuple[Call, ...]]


class Description(NamedTuple):
    """A span's facts in OpenTelemetry's terms.

    https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
    """

    name: str
    kind: SpanKind
    status: StatusCode
    attributes: Items


def describe(facts: Facts) -> Description:
    """The name, kind, status and attributes of a span with these facts."""
    if len(facts) == len(ClientFacts._fields):
        called, status = ClientFacts(*facts)
        failed = bool(status)
        name, kind, attributes = f"{called.service}/{called.method}", SpanKind.CLIENT, _rpc_attributes(called, status)
    else:
        request = ServerFacts(*facts)
        failed = request.status >= 500
        name, kind, attributes = f"{request.method} {request.route}", SpanKind.SERVER, _http_attributes(request)
    return Description(name, kind, StatusCode.ERROR if failed else StatusCode.UNSET, tuple(attributes.items()))


def _http_attributes(facts: ServerFacts) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "http.request.method": facts.method,
        "http.route": facts.route,
        "url.path": facts.path,
        "url.scheme": facts.scheme,
        "network.protocol.version": facts.http_version,
        "realtime.outcome": facts.outcome,
    }
    if facts.server:
        host, port = facts.server
        attributes["server.address"] = host
        if port is not None:  # a Unix socket has no port
            attributes["server.port"] = port
    if facts.status:
        attributes["http.response.status_code"] = facts.status
    if facts.status >= 500:
        attributes["error.type"] = str(facts.status)
    return attributes


def _rpc_attributes(called: Called, status: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "rpc.system": "grpc",
        "rpc.service": called.service,
        "rpc.method": called.method,
        "rpc.grpc.status_code": status,
    }
    if called.peer:
        attributes["peer.service"] = called.peer
    return attributes


def readable(record: Record, resource: Resource, instrumentation_scope: InstrumentationScope) -> list[ReadableSpan]:
    """The record's spans as spans of the SDK, in the order in which they ended; for processors other than ours."""
    *_, trace_id, span_id, parent_id, remote, state, start_ns, end_ns, calls = record
    own = (record[0], span_id, start_ns, end_ns)
    below = [(each, span_id, False) for each in calls]
    return [
        _readable(each, trace_id, parent, state, remote=is_remote, resource=resource, scope=instrumentation_scope)
        for each, parent, is_remote in [*below, (own, parent_id, remote)]
    ]


def _readable(
    span: Call,
    trace_id: bytes,
    parent_id: bytes,
    state: TraceState,
    *,
    remote: bool,
    resource: Resource,
    scope: InstrumentationScope,
) -> ReadableSpan:
    facts, span_id, start_ns, end_ns = span
    described, trace, parent = describe(facts), int.from_bytes(trace_id), int.from_bytes(parent_id)
    return ReadableSpan(
        described.name,
        SpanContext(trace, int.from_bytes(span_id), False, SAMPLED, state),
        SpanContext(trace, parent, remote, SAMPLED, state) if parent_id else None,
        resource,
        dict(described.attributes),
        kind=described.kind,
        status=Status(described.status),
        start_time=start_ns,
        end_time=end_ns,
        instrumentation_scope=scope,
    )
