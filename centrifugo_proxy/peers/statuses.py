"""The ways in which a gRPC call ends without a response."""

from typing import Final

import grpc

STATUS_NAMES: Final = tuple(status.name for status in grpc.StatusCode)
# The service did not answer. Only these count as failures in an outage.
NO_ANSWER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
# gRPC's core can make a status itself, from an HTTP status or from a reset of the stream. The details of such a status
# begin with one of these texts. Nothing else distinguishes it from a status that the service sent.
MADE_BY_GRPC: Final = ("Received http2 header with status: ", "Stream removed (RST_STREAM ")


class Failed(Exception):
    """The call ended without a usable response.

    The message never quotes the status details from the service, because they may contain a ticket.
    """

    def __init__(self, status: grpc.StatusCode, problem: str = "") -> None:
        super().__init__(problem or f"ended with the gRPC status {status.name}")
        self.status = status


class NotFromService(Failed):
    """gRPC made the status itself, usually because a proxy or mesh in front of the service refused the call.

    gRPC maps an HTTP response without `grpc-status` to the nearest gRPC status: 401 to UNAUTHENTICATED, 403 to
    PERMISSION_DENIED, 404 to UNIMPLEMENTED. It maps a reset with INADEQUATE_SECURITY to PERMISSION_DENIED.
    """

    def __init__(self, status: grpc.StatusCode) -> None:
        super().__init__(status, f"was answered without a gRPC status, reported as {status.name}")


class Interrupted(Failed):
    """The call was interrupted: CANCELLED, or OK without a message. It counts neither as an answer nor as a failure."""
