"""An identity service for the realtime proxy. It keeps tickets in memory, and prints a ticket for each user.

docs/identity.md explains the contract, and how to run this example.
"""

import asyncio
import hashlib
import secrets
import signal
import sys
import time
from typing import Any

import grpc
from realtime.v1 import connect_proxy_pb2 as pb
from realtime.v1 import connect_proxy_pb2_grpc as pb_grpc

Context = grpc.aio.ServicerContext[Any, Any]
TICKET_LIFE_S = 60
CONNECTION_LIFE_S = 600
USERS = {
    "u-1": pb.Success(user_id="u-1", family_id="f-1", subscription_tier=pb.SUBSCRIPTION_TIER_FAMILY),
    "u-2": pb.Success(user_id="u-2", family_id="f-1", parental_state=pb.ParentalState(feature_lock_chat=True)),
}


class Tickets:
    """Stores the digests of tickets, not the tickets.

    If you run several processes, use a shared store that can read and remove an entry in one step, such as
    `DELETE … RETURNING` in SQL or GETDEL in Redis.
    """

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[str, float]] = {}

    def issue(self, user: str) -> str:
        ticket = secrets.token_urlsafe(32)
        self._entries[_digest(ticket)] = user, time.monotonic() + TICKET_LIFE_S
        return ticket

    def redeem(self, ticket: str) -> str | None:
        """Return the user of a ticket and remove the ticket, in one step; None if it is unknown, spent or expired."""
        user, ends_at = self._entries.pop(_digest(ticket), ("", 0.0))
        return user if time.monotonic() < ends_at else None


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()


class Identity(pb_grpc.ConnectProxyServiceServicer):
    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    async def Validate(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        return await _described(self._tickets.redeem(request.ticket), context)

    async def Refresh(self, request: pb.RefreshRequest, context: Context) -> pb.ValidateResponse:
        return await _described(request.user_id, context)


async def _described(user: str | None, context: Context) -> pb.ValidateResponse:
    if user not in USERS:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such ticket or user")  # never quote a ticket
    response = pb.ValidateResponse(success=USERS[user])
    response.success.expire_at = int(time.time()) + CONNECTION_LIFE_S
    return response


async def main(address: str) -> None:
    # By default, a second process could listen on the same port. It would get calls with tickets of the first process.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    tickets, stop = Tickets(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    pb_grpc.add_ConnectProxyServiceServicer_to_server(Identity(tickets), server)
    server.add_insecure_port(address)
    await server.start()
    for user in USERS:
        print(user, tickets.issue(user), flush=True)
    await stop.wait()
    await server.stop(grace=5)  # running calls finish; new calls go to other replicas


asyncio.run(main(sys.argv[1]))
