"""Many clients at once, so that Centrifugo opens as many connections to the service."""

import asyncio
from typing import Any, NamedTuple

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import bare_connect, with_ticket
from tests.e2e.stack import Stack
from tests.harness.identity import Context, success

CLIENTS = 8


class Rested(NamedTuple):
    """A stack that was left alone `since` this monotonic time."""

    stack: Stack
    since: float


async def burst(stack: Stack) -> list[Any]:
    """What each client is told. Identity keeps them all waiting for the last one."""
    everybody = asyncio.Barrier(CLIENTS)

    async def together(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await everybody.wait()
        return await success()(request, context)

    tickets = [stack.tickets.issue_for(together) for _ in range(CLIENTS)]
    return await asyncio.gather(*(bare_connect(stack.url, with_ticket(ticket)) for ticket in tickets))
