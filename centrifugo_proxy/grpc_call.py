"""One method of one service: called with a deadline, counted, timed and traced."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic

import grpc

from centrifugo_proxy.capacity import Capacity
from centrifugo_proxy.spans import Tracer
from centrifugo_proxy.unary import Failed, Request, Response, UnaryUnary

ObserveCall = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class ObservedCall(Generic[Request, Response]):
    """`observe` is told the status name and the seconds of each call, the failed and the cancelled too.

    `peer` is for the span, where several services have this method. `capacity` is how many calls there may be at
    once: a service that hangs must not hold up what does not need it.
    """

    unary: UnaryUnary[Request, Response]
    service: str
    method: str
    deadline_s: float
    observe: ObserveCall
    tracer: Tracer
    peer: str = ""
    capacity: Capacity | None = None

    def __call__(self, request: Request) -> Coroutine[Any, Any, Response]:
        """The response, of one call, never repeated. Raises Failed, at once where there is no room for the call."""
        return self._observed(request) if self.capacity is None else self._bounded(request, self.capacity)

    async def _bounded(self, request: Request, capacity: Capacity) -> Response:
        if not capacity.enter():
            raise Failed(grpc.StatusCode.UNAVAILABLE, "has its fill of calls in flight")
        try:
            return await self._observed(request)
        finally:
            capacity.leave()

    async def _observed(self, request: Request) -> Response:
        span = self.tracer.client_span(self.service, self.method, self.peer)
        started = perf_counter()
        status = grpc.StatusCode.OK
        try:
            return await self.unary(request, self.deadline_s, span.metadata)
        except Failed as failed:
            status = failed.status
            raise
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED
            raise
        finally:
            self.observe(status.name, perf_counter() - started)
            span.end(status.value[0])
