"""How a gRPC call ends without a response."""

from typing import Final

import grpc

STATUS_NAMES: Final = tuple(status.name for status in grpc.StatusCode)
# The service did not answer: what an outage consists of.
NO_ANSWER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
# How gRPC's core begins the details of a status that it made from an HTTP status; nothing else tells the two apart.
MADE_FROM_HTTP: Final = "Received http2 header with status: "


class Failed(Exception):
    """The call ended without a usable response.

    The message is ours. What the service wrote beside the status is never in it, because a ticket may be in there.
    """

    def __init__(self, status: grpc.StatusCode, problem: str = "") -> None:
        super().__init__(problem or f"ended with the gRPC status {status.name}")
        self.status = status


class NotFromService(Failed):
    """The status was made from an HTTP status: what stands before the service answered, such as a mesh that refuses.

    gRPC reports an HTTP response without a `grpc-status` under the status that it takes for nearest: 401 as
    UNAUTHENTICATED, 403 as PERMISSION_DENIED, 404 as UNIMPLEMENTED.
    """

    def __init__(self, status: grpc.StatusCode) -> None:
        super().__init__(status, f"was answered without a gRPC status, reported as {status.name}")


class Interrupted(Failed):
    """The call broke off: CANCELLED, or OK without a message. Neither an answer nor a sign of an outage."""
