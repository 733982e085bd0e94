"""The spans of proxy requests, as tuples. What a request does not have to do is done in the thread of the export."""

from typing import Any, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

Items = tuple[tuple[str, str | int], ...]

SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class ServerFacts(NamedTuple):
    """What the spans of many requests have in common. `server` is a host and a port; `status` 0: nothing was sent."""

    method: str
    route: str
    path: str
    scheme: str
    http_version: str
    server: tuple[str, int | None] | None
    status: int
    outcome: str


class ClientFacts(NamedTuple):
    """What the spans of many calls have in common. `peer` is "" unless several have the method."""

    service: str
    method: str
    peer: str
    status: int


# The fields of ServerFacts or ClientFacts as a plain tuple: naming them takes time that a request need not wait for.
Facts = tuple[Any, ...]
# A sampled span that has ended, also a plain tuple: facts, trace_id, span_id, parent_id (0: none), whether the parent
# is remote, trace state, start and end. Ids are numbers, times Unix nanoseconds.
Record = tuple[Facts, int, int, int, bool, TraceState, int, int]


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
        call = ClientFacts(*facts)
        failed = bool(call.status)
        name, kind, attributes = f"{call.service}/{call.method}", SpanKind.CLIENT, _rpc_attributes(call)
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
        if port is not None:  # a Unix socket has none
            attributes["server.port"] = port
    if facts.status:
        attributes["http.response.status_code"] = facts.status
    if facts.status >= 500:
        attributes["error.type"] = str(facts.status)
    return attributes


def _rpc_attributes(facts: ClientFacts) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "rpc.system": "grpc",
        "rpc.service": facts.service,
        "rpc.method": facts.method,
        "rpc.grpc.status_code": facts.status,
    }
    if facts.peer:
        attributes["peer.service"] = facts.peer
    return attributes


def readable(record: Record, resource: Resource, instrumentation_scope: InstrumentationScope) -> ReadableSpan:
    """The record as a span of the SDK, for processors other than ours."""
    facts, trace_id, span_id, parent_id, remote, state, start_ns, end_ns = record
    described = describe(facts)
    return ReadableSpan(
        described.name,
        SpanContext(trace_id, span_id, False, SAMPLED, state),
        SpanContext(trace_id, parent_id, remote, SAMPLED, state) if parent_id else None,
        resource,
        dict(described.attributes),
        kind=described.kind,
        status=Status(described.status),
        start_time=start_ns,
        end_time=end_ns,
        instrumentation_scope=instrumentation_scope,
    )
