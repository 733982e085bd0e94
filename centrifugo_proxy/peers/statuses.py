"""How a gRPC call ends without a response."""

from typing import Final

import grpc

STATUS_NAMES: Final = tuple(status.name for status in grpc.StatusCode)
# The service did not answer: what an outage consists of.
NO_ANSWER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


class Failed(Exception):
    """The call ended without a usable response.

    The message is ours. What the service wrote beside the status is never in it, because a ticket may be in there.
    """

    def __init__(self, status: grpc.StatusCode, problem: str = "") -> None:
        super().__init__(problem or f"ended with the gRPC status {status.name}")
        self.status = status


class Interrupted(Failed):
    """The call broke off: CANCELLED, or OK without a message. Neither an answer nor a sign of an outage."""
