"""Refuses proxy requests above the limit of requests in flight, before any object is created for them.

In a storm, most requests are refused, and each refusal takes CPU from connects that could be answered. A refusal by the
endpoint needs a parser, a task, a scope, a request, middlewares and a view. So the HTTP protocol class itself refuses
requests with a known head. The response, the counts and the spans are the same, but the queue delay is not measured. If
the endpoint would give another answer before it checks the limit (403, 404, 405, 413, 501 …), the request goes to the
endpoint.
"""

from time import perf_counter
from typing import Final

from django.http.request import split_domain_port, validate_host

from centrifugo_proxy.events.decision import OVERLOADED
from centrifugo_proxy.protocol.codes import EVENTS, path_of
from centrifugo_proxy.spans import OFF
from centrifugo_proxy.telemetry import metrics
from centrifugo_proxy.telemetry.django_metrics import tally
from centrifugo_proxy.web.response_modes import respond
from centrifugo_proxy.web.responses import JsonResponse
from centrifugo_proxy.wiring.runtime import Runtime
from realtime_site.serving.asgi_types import Scope
from realtime_site.serving.http_messages import Headers, fields, status_line
from realtime_site.serving.http_parser import Request
from realtime_site.serving.known_heads import KnownHead

# Key in the state of the lifespan.
OVERLOAD: Final = "realtime_site.overload"


class Overload:
    """The limit of requests in flight, for the connections of a process.

    `starting` is the number of requests whose task exists but has not begun. They have no slot yet, but may take one.
    """

    def __init__(self, runtime: Runtime, *, allowed_hosts: list[str], max_body_bytes: int) -> None:
        self._runtime, self._capacity = runtime, runtime.capacity
        self._allowed_hosts = () if "*" in allowed_hosts else tuple(allowed_hosts)
        self._max_body_bytes = max_body_bytes
        self._events = {path_of(event): event for event in EVENTS if event in runtime.events}
        self._answers = {event: respond(OVERLOADED, runtime.mode, event) for event in EVENTS}
        self._rendered: dict[str, bytes] = {}
        self._rendered_with: object = None
        self.starting = 0

    @property
    def full(self) -> bool:
        """True if a further request would find no slot."""
        capacity = self._capacity
        return capacity.taken - capacity.overstaying + self.starting >= int(capacity.limit)

    def refusal(self, known: KnownHead, body: bytes, connection: Scope, headers: Headers) -> bytes | None:
        """The response to a request while `full`, with these headers; None if the application must answer.

        `connection` is the part of the scope that all requests of a connection share.
        """
        started = perf_counter()
        if known.judged_by is not self:
            known.judged_by, known.refusable = self, self._is_refusable(known.request)
        if not known.refusable or len(body) > self._max_body_bytes or self._is_forged(known.request, body):
            return None
        request = known.request
        event = self._events[request.path]
        status = self._answers[event][0]
        if self._capacity.enter():  # called because each refusal by `enter` lets an adaptive limit grow
            self._capacity.taken -= 1  # give the slot back: this request is refused
        if self._runtime.tracer is not OFF:
            self._trace(request, connection, status)
        tally.count(event, request.method, connection["scheme"], status)
        metrics.count_request(event, OVERLOADED.outcome, perf_counter() - started)
        return self._response(event, headers)

    def _is_refusable(self, request: Request) -> bool:
        """True if nothing in the head makes the endpoint refuse the request before the endpoint checks the limit."""
        guard = self._runtime.guard
        return (
            request.path in self._events
            and request.method == "POST"
            and request.keep_alive
            and not request.query
            and (not self._allowed_hosts or self._is_host_allowed(request))
            and (bool(guard.secrets) or guard.refusal(request.headers, b"") is None)
        )

    def _is_forged(self, request: Request, body: bytes) -> bool:
        """True if the guard checks signatures and refuses the one of this body."""
        guard = self._runtime.guard
        return bool(guard.secrets) and guard.refusal(request.headers, body) is not None

    def _is_host_allowed(self, request: Request) -> bool:
        host = next((value for name, value in request.headers if name == b"host"), b"")
        domain, _ = split_domain_port(host.decode("latin-1"))
        return bool(domain) and validate_host(domain, self._allowed_hosts)

    def _trace(self, request: Request, connection: Scope, status: int) -> None:
        scope = {**connection, "method": request.method, "path": request.path, "headers": request.headers}
        scope["http_version"] = request.version
        self._runtime.tracer.server_span(scope, request.path).finish(status, OVERLOADED.outcome)

    def _response(self, event: str, headers: Headers) -> bytes:
        """The whole response. Every second, uvicorn replaces its list of headers, which has the date."""
        if headers is not self._rendered_with:
            self._rendered, self._rendered_with = {}, headers
        if event not in self._rendered:
            status, body = self._answers[event]
            own = fields(JsonResponse(body, status).asgi_headers())
            self._rendered[event] = b"%b%b%b\r\n%b" % (
                status_line(status), fields(tuple(headers)).lines, own.lines, body
            )  # fmt: skip
        return self._rendered[event]
