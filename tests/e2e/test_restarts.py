"""A restart of the service, seen by clients that connect during it."""

import asyncio

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.e2e.clients import sdk_clients
from tests.e2e.stack import Stack
from tests.harness.grpc_stub import Context
from tests.harness.identity import Script, success
from tests.harness.waiting import until

CLIENTS = 10
SLOW_S = 0.5


async def test_no_client_is_lost_while_the_service_restarts(envelope_stack: Stack) -> None:
    asked: list[str] = []  # only this test's tickets: clients of an earlier test may still call identity

    async def slow(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        asked.append(request.ticket)
        await asyncio.sleep(SLOW_S)
        return await success()(request, context)

    under_way = asyncio.create_task(attempts_to_connect(envelope_stack, slow))
    await until(lambda: len(asked) >= CLIENTS)
    exit_code = await envelope_stack.service.stop()
    too_late = asyncio.create_task(attempts_to_connect(envelope_stack, success()))
    await asyncio.sleep(SLOW_S)
    await envelope_stack.service.start()

    assert exit_code == 0
    assert await under_way == [1] * CLIENTS
    assert min(await too_late) > 1


async def attempts_to_connect(stack: Stack, script: Script) -> list[int]:
    """The number of attempts that each client needed to connect."""
    async with sdk_clients(stack.url, [lambda: stack.tickets.issue_for(script)] * CLIENTS) as clients:
        await until(lambda: all(client.connected for client in clients))
        return [client.attempts for client in clients]
