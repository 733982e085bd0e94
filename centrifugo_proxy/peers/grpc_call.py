"""The gRPC methods of a peer. Each call has a deadline, and is counted, timed and traced."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc import aio

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.channels import BytesMethod, RollingChannel, RollingMethod
from centrifugo_proxy.peers.session_slots import Share, ShareTaken
from centrifugo_proxy.peers.statuses import MADE_BY_GRPC, NO_ANSWER, Failed, Interrupted, NotFromService
from centrifugo_proxy.spans import Called, Metadata, Tracer

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
ObserveCall = Callable[[str, float], None]
BytesCall = aio.UnaryUnaryCall[bytes, bytes]

# Maximum number of abandoned calls to one peer. Each of them ends at its deadline at the latest. Above the maximum, a
# call is cancelled at once, and grpcio leaks about 900 bytes for each cancelled call.
ABANDONED_CALLS: Final = 4096
# The names and numbers of two statuses. They are stored here, because an enum computes `name` and `value` each time.
OK: Final = (grpc.StatusCode.OK.name, grpc.StatusCode.OK.value[0])
CANCELLED: Final = (grpc.StatusCode.CANCELLED.name, grpc.StatusCode.CANCELLED.value[0])


class SentMetadata(tuple[tuple[str, str], ...], aio.Metadata):  # type: ignore[misc]  # two kinds of collection
    """Metadata that grpc.aio uses without a copy. docs/upgrading.md explains how.

    If a caller passes None instead, grpc.aio makes an empty aio.Metadata, which takes more time than this tuple.
    """

    __init__ = object.__init__

    def __bool__(self) -> bool:
        return True


NO_METADATA: Final = SentMetadata()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A service at the other end of a channel.

    `deadline_s` bounds each call. `observe` gets the status name and the duration in seconds of each call that was
    made, even if it failed or was cancelled. In spans, `name` distinguishes services with the same methods. `capacity`
    limits the calls in flight, and `refused` is called for each call that it refuses. `share` limits the requests that
    wait for these calls, so that a service that hangs cannot block requests that do not need it. `abandoned` counts the
    calls whose callers have hung up.
    """

    channel: RollingChannel
    deadline_s: float
    observe: ObserveCall
    tracer: Tracer
    name: str = ""
    capacity: Capacity | None = None
    refused: Callable[[], None] = lambda: None
    share: Share | None = None
    abandoned: Capacity = field(default_factory=lambda: Capacity(ABANDONED_CALLS))

    def method(
        self, service: str, method: str, request: type[Request], response: type[Response]
    ) -> "ObservedCall[Request, Response]":
        """A method of the service, with the names and messages of the .proto file."""
        called = Called(service, method, self.name)
        return ObservedCall(self.channel.method(f"/{service}/{method}"), called, response, self)


@dataclass(frozen=True, slots=True)
class ObservedCall(Generic[Request, Response]):
    """One method of a peer."""

    rolling: RollingMethod
    called: Called
    response: type[Response]
    peer: Peer

    def __call__(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Make one call, without retries. The caller awaits the response.

        Raises Failed or ShareTaken. If `capacity` refuses the call, Failed is raised at once.
        """
        capacity, share = self.peer.capacity, self.peer.share
        if capacity is not None and not capacity.enter():
            self.peer.refused()
            raise Failed(grpc.StatusCode.UNAVAILABLE, "was not made: too many calls are in progress")
        if share is not None and not share.enter():
            if capacity is not None:
                capacity.leave()
            raise ShareTaken
        return self._observed(request)

    async def _observed(self, request: Request) -> Response:
        peer = self.peer
        call, started = peer.tracer.start_call(), perf_counter()
        status, number = OK
        try:
            return await self.send(request, call[0])
        except Failed as failed:
            status, number = failed.status.name, failed.status.value[0]
            raise
        except asyncio.CancelledError:
            status, number = CANCELLED
            raise
        finally:
            if peer.share is not None:
                peer.share.leave()
            peer.observe(status, perf_counter() - started)
            peer.tracer.end_call(call, self.called, number)

    async def send(self, request: Request, metadata: Metadata) -> Response:
        """Make one call that is not counted or traced. When the call ends, its slot is released. Raises Failed."""
        peer, make_call = self.peer, self.rolling.call
        sent = SentMetadata(metadata) if metadata else NO_METADATA
        call = make_call(request.SerializeToString(), timeout=peer.deadline_s, metadata=sent)
        if capacity := peer.capacity:
            call.add_done_callback(lambda _: capacity.leave())
        ended = asyncio.get_running_loop().create_future()
        call.add_done_callback(lambda _: None if ended.done() else ended.set_result(None))
        try:
            await ended
        except asyncio.CancelledError:  # the caller has hung up. `await call` would have cancelled the call.
            self._abandon(call, make_call)
            raise
        succeeded = True
        try:
            body = await call
        # Here CancelledError means that the call failed. A cancellation of this task raises at the await above.
        except (grpc.RpcError, asyncio.CancelledError):
            succeeded = False
        if not succeeded:  # not in the except block: its exception quotes the peer, and would become Failed's context
            raise await self._failure(call, make_call)
        if body is None:  # None is possible, although grpc.aio's annotations exclude it
            raise Interrupted(grpc.StatusCode.OK, "ended with the gRPC status OK and without a message")
        try:
            return self.response.FromString(body)
        except DecodeError:
            raise Failed(grpc.StatusCode.INTERNAL, "was answered with bytes that are not its message") from None

    async def _failure(self, call: BytesCall, make_call: BytesMethod) -> Failed:
        """The exception for the status of a call that failed."""
        status = await call.code()
        if status is grpc.StatusCode.DEADLINE_EXCEEDED:
            self._expired(make_call)
        if status is grpc.StatusCode.CANCELLED:
            return Interrupted(status)
        details = await call.details() or ""
        if status not in NO_ANSWER and details.startswith(MADE_BY_GRPC):
            return NotFromService(status)
        return Failed(status)

    def _expired(self, make_call: BytesMethod) -> None:
        self.peer.channel.call_expired(self.rolling, make_call)

    def _abandon(self, call: BytesCall, make_call: BytesMethod) -> None:
        """Let the call run until its deadline at most. Above ABANDONED_CALLS, cancel it.

        grpcio never frees the memory of a cancelled call's operations.
        """
        if call.done():
            return
        abandoned = self.peer.abandoned
        if not abandoned.enter():
            call.cancel()
            return

        def ended(_: object) -> None:
            abandoned.leave()
            if not call.time_remaining():
                self._expired(make_call)

        call.add_done_callback(ended)
