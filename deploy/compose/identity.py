"""An identity service to try the realtime proxy with. It accepts each ticket NAME:ANYTHING once, for the user NAME.

The argument is the address to listen on. This program runs in the image of the service, because that image contains the
generated code of the gRPC contract.
"""

import asyncio
import signal
import sys
import time
from typing import Any

import grpc
from grpc import aio

from proto.realtime.v1 import connect_proxy_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc

Context = aio.ServicerContext[Any, Any]
CONNECTION_LIFE_S = 60


class AnyNamedTicket(pb_grpc.ConnectProxyServiceServicer):
    """Remembers the tickets that it has accepted, until it stops."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    async def Validate(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:  # noqa: N802
        user, colon, _ = request.ticket.partition(":")
        if not user or not colon or request.ticket in self._used:
            await context.abort(grpc.StatusCode.NOT_FOUND, "not NAME:ANYTHING, or used")
        self._used.add(request.ticket)
        return _described(user)

    async def Refresh(self, request: pb.RefreshRequest, context: Context) -> pb.ValidateResponse:  # noqa: N802
        return _described(request.user_id)


def _described(user: str) -> pb.ValidateResponse:
    tier = pb.SUBSCRIPTION_TIER_FAMILY
    ends_at = int(time.time()) + CONNECTION_LIFE_S
    return pb.ValidateResponse(
        success=pb.Success(user_id=user, family_id="family-1", subscription_tier=tier, expire_at=ends_at)
    )


async def main(address: str) -> None:
    """Serve until SIGTERM. When the server accepts calls, print the port to stdout."""
    server, stop = aio.server(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pb_grpc.add_ConnectProxyServiceServicer_to_server(AnyNamedTicket(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port(address)
    await server.start()
    sys.stdout.write(f"listening on port {port}\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop(grace=1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
