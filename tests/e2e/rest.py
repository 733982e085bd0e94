"""Many clients at once, so that Centrifugo opens many connections to the service; then a long idle time."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import bare_connect, with_ticket
from tests.e2e.stack import Stack
from tests.harness.grpc_stub import Context
from tests.harness.identity import success

CLIENTS = 8
REST_S = 31.0
SOCKETS = Path("/proc/net/tcp")  # https://docs.kernel.org/networking/proc_net_tcp.html
ESTABLISHED = "01"


class Rested(NamedTuple):
    """The answers to the second burst of clients, and Centrifugo's connections to the service at three times."""

    answers: list[Any]
    used: set[str]  # after the first burst
    kept: set[str]  # at the end of the idle time
    used_again: set[str]  # after the second burst


async def rest(stack: Stack) -> Rested:
    """Run a burst of clients, an idle time, and another burst."""
    others = peers_of(stack.service.port)  # other clients: for example, the tests' requests to /health/ready
    await burst(stack)
    used = peers_of(stack.service.port) - others
    await asyncio.sleep(REST_S)
    kept = peers_of(stack.service.port) - others
    answers = await burst(stack)
    return Rested(answers, used, kept, peers_of(stack.service.port) - others)


async def burst(stack: Stack) -> list[Any]:
    """The answers to the clients. Identity answers only when it has received the calls of all clients."""
    all_clients = asyncio.Barrier(CLIENTS)

    async def together(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await all_clients.wait()
        return await success()(request, context)

    tickets = [stack.tickets.issue_for(together) for _ in range(CLIENTS)]
    return await asyncio.gather(*(bare_connect(stack.url, with_ticket(ticket)) for ticket in tickets))


def peers_of(port: int) -> set[str]:
    """The remote addresses, in the kernel's hexadecimal notation, of the connections to this port."""
    rows = [line.split() for line in SOCKETS.read_text().splitlines()[1:]]
    return {peer for _, local, peer, state, *_ in rows if local.endswith(f":{port:04X}") and state == ESTABLISHED}
