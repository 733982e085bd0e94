"""The methods of a service: called with a deadline, counted, timed and traced."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Final, Generic, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc import aio

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.channels import RollingChannel, RollingMethod
from centrifugo_proxy.peers.statuses import MADE_BY_GRPC, NO_ANSWER, Failed, Interrupted, NotFromService
from centrifugo_proxy.spans import Metadata, Tracer

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
ObserveCall = Callable[[str, float], None]
BytesCall = aio.UnaryUnaryCall[bytes, bytes]

# Maximum number of abandoned calls to one peer. Each ends at its deadline. Above the maximum they are cancelled at
# once, and grpcio leaks about 900 bytes for each.
ABANDONED_CALLS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A service at the other end of a channel.

    `deadline_s` bounds each call. `observe` gets the status name and the duration in seconds of every call, also of
    failed and cancelled ones. `name` distinguishes services with the same methods in spans. `capacity` limits the calls
    in flight, so that a hanging service cannot block requests that do not need it. `abandoned` counts the calls whose
    callers have hung up.
    """

    channel: RollingChannel
    deadline_s: float
    observe: ObserveCall
    tracer: Tracer
    name: str = ""
    capacity: Capacity | None = None
    abandoned: Capacity = field(default_factory=lambda: Capacity(ABANDONED_CALLS))

    def method(
        self, service: str, method: str, request: type[Request], response: type[Response]
    ) -> "ObservedCall[Request, Response]":
        """A method of the service, by the contract's names and messages."""
        return ObservedCall(self.channel.method(f"/{service}/{method}"), service, method, response, self)


@dataclass(frozen=True, slots=True)
class ObservedCall(Generic[Request, Response]):
    """One method of a peer."""

    rolling: RollingMethod
    service: str
    method: str
    response: type[Response]
    peer: Peer

    async def __call__(self, request: Request) -> Response:
        """Make one call, without retries, and return its response. Raises Failed; at once if no capacity is left."""
        capacity = self.peer.capacity
        if capacity is not None and not capacity.enter():
            raise Failed(grpc.StatusCode.UNAVAILABLE, "was not made: too many calls are under way")
        return await self._observed(request)

    async def _observed(self, request: Request) -> Response:
        peer = self.peer
        span = peer.tracer.client_span(self.service, self.method, peer.name)
        started = perf_counter()
        status = grpc.StatusCode.OK
        try:
            return await self.send(request, span.metadata)
        except Failed as failed:
            status = failed.status
            raise
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED
            raise
        finally:
            peer.observe(status.name, perf_counter() - started)
            span.end(status.value[0])

    async def send(self, request: Request, metadata: Metadata) -> Response:
        """The response, neither counted nor traced. The call's slot is released when the call ends. Raises Failed."""
        make_call = self.rolling.call
        expired = partial(self.peer.channel.call_expired, self.rolling, make_call)
        call = make_call(request.SerializeToString(), timeout=self.peer.deadline_s, metadata=metadata)
        if capacity := self.peer.capacity:
            call.add_done_callback(lambda _: capacity.leave())
        await _end_of(call, self.peer.abandoned, expired)
        status = await call.code()
        if status is grpc.StatusCode.DEADLINE_EXCEEDED:
            expired()
        if status is grpc.StatusCode.CANCELLED:
            raise Interrupted(status)
        if status is not grpc.StatusCode.OK:
            raise await _failure(call, status)
        body = await call
        if body is None:  # missing from the annotations of grpc.aio
            raise Interrupted(status, "ended with the gRPC status OK and without a message")
        try:
            return self.response.FromString(body)
        except DecodeError:
            raise Failed(grpc.StatusCode.INTERNAL, "was answered with bytes that are not its message") from None


async def _failure(call: BytesCall, status: grpc.StatusCode) -> Failed:
    """The exception for this status."""
    details = await call.details() or ""
    if status not in NO_ANSWER and details.startswith(MADE_BY_GRPC):
        return NotFromService(status)
    return Failed(status)


async def _end_of(call: BytesCall, abandoned: Capacity, expired: Callable[[], None]) -> None:
    """Wait until the call has ended. If the caller is cancelled, the call continues until its deadline."""
    ended = asyncio.get_running_loop().create_future()
    call.add_done_callback(lambda _: None if ended.done() else ended.set_result(None))
    try:
        await ended
    except asyncio.CancelledError:
        _abandon(call, abandoned, expired)
        raise


def _abandon(call: BytesCall, abandoned: Capacity, expired: Callable[[], None]) -> None:
    """Let the call run until its deadline: grpcio never frees the memory of a cancelled call's operations."""
    if call.done():
        return
    if not abandoned.enter():
        call.cancel()
        return

    def ended(_: object) -> None:
        abandoned.leave()
        if not call.time_remaining():
            expired()

    call.add_done_callback(ended)
