"""A unary gRPC call without the object that grpc.aio wraps around each.

The wrapper brings a task, a metadata object and an instrumentation lookup per call: a seventh of what the event loop
does for one (docs/performance.md). What is underneath is not public, so that this module is held to grpc.aio's own
calls by a test, and grpcio is pinned.
"""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import grpc
from google.protobuf.message import DecodeError
from grpc import aio
from grpc.aio._utils import _timeout_to_deadline

Request = TypeVar("Request")
Response = TypeVar("Response")
Metadata = tuple[tuple[str, str], ...]

STATUSES: Final = {status.value[0]: status for status in grpc.StatusCode}
STATUS_NAMES: Final = tuple(status.name for status in grpc.StatusCode)
NO_ANSWER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


class Failed(Exception):
    """The call ended with a status that is not OK. The message is ours, never what the other side wrote."""

    def __init__(self, status: grpc.StatusCode, problem: str = "") -> None:
        super().__init__(problem or f"ended with the gRPC status {status.name}")
        self.status = status


class UnaryUnary(Generic[Request, Response]):
    """One method of a channel."""

    def __init__(
        self,
        grpc_channel: aio.Channel,
        method: str,
        serialize: Callable[[Request], bytes],
        deserialize: Callable[[bytes], Response],
    ) -> None:
        self._call: Callable[..., Any] = grpc_channel._channel.call  # type: ignore[attr-defined]
        self._method = method.encode()
        self._serialize = serialize
        self._deserialize = deserialize

    async def __call__(self, request: Request, timeout_s: float, metadata: Metadata = ()) -> Response:
        """The response. Raises Failed; cancelling the caller cancels the call."""
        call = self._call(self._method, _timeout_to_deadline(timeout_s), None, None)
        try:
            response = await call.unary_unary(self._serialize(request), metadata, None)
        except BaseException:
            call.cancel("cancelled by the caller")
            raise
        if response is None:
            raise Failed(STATUSES[(await call.status()).code()])
        try:
            return self._deserialize(response)
        except DecodeError:
            raise Failed(grpc.StatusCode.INTERNAL, "was answered with what is no such message") from None
