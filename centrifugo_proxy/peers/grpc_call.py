"""The methods of a service: called with a deadline, counted, timed and traced."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message
from grpc import aio

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.unary import Failed, UnaryUnary
from centrifugo_proxy.spans import Tracer

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
ObserveCall = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A service at the other end of a channel, how long it may take for an answer, and who is told of its calls.

    `observe` is told the status name and the seconds of each call, the failed and the cancelled too. `name` is for the
    span, where several services have the same methods. `capacity` is how many calls there may be at once: a service
    that hangs must not hold up what does not need it.
    """

    grpc_channel: aio.Channel
    deadline_s: float
    observe: ObserveCall
    tracer: Tracer
    name: str = ""
    capacity: Capacity | None = None

    def method(
        self, service: str, method: str, request: type[Request], response: type[Response]
    ) -> "ObservedCall[Request, Response]":
        """One of its methods, by the contract's names and messages."""
        unary: UnaryUnary[Request, Response] = UnaryUnary(
            self.grpc_channel, f"/{service}/{method}", request.SerializeToString, response.FromString
        )
        return ObservedCall(unary, service, method, self)


@dataclass(frozen=True, slots=True)
class ObservedCall(Generic[Request, Response]):
    """One method of a peer."""

    unary: UnaryUnary[Request, Response]
    service: str
    method: str
    peer: Peer

    def __call__(self, request: Request) -> Coroutine[Any, Any, Response]:
        """The response, of one call, never repeated. Raises Failed, at once where there is no room for the call."""
        capacity = self.peer.capacity
        return self._observed(request) if capacity is None else self._bounded(request, capacity)

    async def _bounded(self, request: Request, capacity: Capacity) -> Response:
        if not capacity.enter():
            raise Failed(grpc.StatusCode.UNAVAILABLE, "has its fill of calls in flight")
        try:
            return await self._observed(request)
        finally:
            capacity.leave()

    async def _observed(self, request: Request) -> Response:
        peer = self.peer
        span = peer.tracer.client_span(self.service, self.method, peer.name)
        started = perf_counter()
        status = grpc.StatusCode.OK
        try:
            return await self.unary(request, peer.deadline_s, span.metadata)
        except Failed as failed:
            status = failed.status
            raise
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED
            raise
        finally:
            peer.observe(status.name, perf_counter() - started)
            span.end(status.value[0])
