"""Many simultaneous requests, and callers that hang up. Some tests use real connections."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.fakes import FakeClock
from tests.harness.grpc_stub import Context
from tests.harness.identity import DOWN, IdentityStub, hanging
from tests.harness.samples import CANCELLED, CONSUMED
from tests.harness.service import Service, connect_body, degrade, service, uvicorn_service
from tests.harness.waiting import until


async def connect_at_once(running: Service, tickets: list[str]) -> Counter[int]:
    """Make simultaneous connects. Returns the number of answers with each status."""
    responses = await asyncio.gather(*(running.connect(ticket) for ticket in tickets))
    return Counter(response.status_code for response in responses)


async def test_exactly_one_of_200_simultaneous_connects_with_one_fallback_ticket_succeeds(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with service(identity.address, tickets=["a", "b"], clock=clock) as running:
        await degrade(running, clock)
        statuses = await connect_at_once(running, ["a"] * 200)

    assert statuses == {200: 1, 503: 199}
    assert len(running.runtime.admission.pool) == 1


async def test_1000_simultaneous_connects_with_1000_fallback_tickets_all_succeed(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN
    tickets = [f"t-{number}" for number in range(1000)]

    async with service(identity.address, tickets=tickets, clock=clock, PROXY_MAX_INFLIGHT=1000) as running:
        await degrade(running, clock)
        statuses = await connect_at_once(running, tickets)

    assert statuses == {200: 1000}
    assert len(running.runtime.admission.pool) == 0


async def test_exactly_one_of_50_connects_over_real_connections_with_one_fallback_ticket_succeeds(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async with uvicorn_service(identity.address, tickets=["a", "b"], clock=clock) as running:
        await degrade(running, clock)
        statuses = await connect_at_once(running, ["a"] * 50)

    assert statuses == {200: 1, 503: 49}


@dataclass
class ImpatientCaller:
    """A caller with its own connection, which it can close."""

    writer: asyncio.StreamWriter

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@asynccontextmanager
async def impatient_caller(running: Service, ticket: str) -> AsyncIterator[ImpatientCaller]:
    """A caller that has sent a complete request."""
    body = orjson.dumps(connect_body(ticket))
    url = running.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST /centrifugo/connect HTTP/1.1\r\nHost: service\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    try:
        yield ImpatientCaller(writer)
    finally:
        writer.close()


async def until_cancelled(running: Service, before: float) -> None:
    async def one_more() -> bool:
        return await running.metric(CANCELLED) == before + 1

    await until(one_more)


async def test_a_caller_that_hangs_up_before_identity_answers_uses_no_fallback_ticket(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN
    release, called = asyncio.Event(), asyncio.Event()

    async def slowly_down(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        called.set()
        await release.wait()
        return await DOWN(request, context)

    async with uvicorn_service(identity.address, tickets=["a"], clock=clock) as running:
        await degrade(running, clock)
        identity.script = slowly_down
        cancelled, consumed = await running.metric(CANCELLED), await running.metric(CONSUMED)
        outage = running.runtime.admission.detector.status(clock.now)
        async with impatient_caller(running, "a") as caller:
            await called.wait()
            await caller.hang_up()
        await until_cancelled(running, cancelled)
        release.set()

        assert len(running.runtime.admission.pool) == 1
        assert running.runtime.admission.detector.status(clock.now) == outage
        assert await running.metric(CONSUMED) == consumed


async def test_a_caller_that_hangs_up_before_the_pool_opens_counts_neither_as_success_nor_as_failure(
    identity: IdentityStub, clock: FakeClock
) -> None:
    called = asyncio.Event()

    async with uvicorn_service(identity.address, clock=clock) as running:
        identity.script = DOWN
        await running.connect()
        identity.script = hanging(called)
        before = await running.metric(CANCELLED)
        async with impatient_caller(running, "a") as caller:
            await called.wait()
            await caller.hang_up()
        await until_cancelled(running, before)

        assert running.runtime.admission.detector.status(clock.now).consecutive_failure_count == 1
        assert running.runtime.capacity.taken == 0


async def test_a_caller_that_hangs_up_just_before_the_claim_uses_no_fallback_ticket(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN
    async with uvicorn_service(identity.address, tickets=["a"], clock=clock) as running:
        await degrade(running, clock)
        before = await running.metric(CANCELLED)
        async with impatient_caller(running, "a") as caller:

            async def down_once_the_caller_has_hung_up(
                request: pb.ValidateRequest, context: Context
            ) -> pb.ValidateResponse:
                await caller.hang_up()
                return await DOWN(request, context)

            identity.script = down_once_the_caller_has_hung_up
            await until_cancelled(running, before)

        assert len(running.runtime.admission.pool) == 1


async def test_a_caller_that_hangs_up_right_after_its_request_uses_no_fallback_ticket_while_degraded(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN
    async with uvicorn_service(
        identity.address, tickets=["a"], clock=clock, IDENTITY_PROBE_INTERVAL_MS=60000
    ) as running:
        await degrade(running, clock)
        await running.connect("the probe")
        before = await running.metric(CANCELLED)
        async with impatient_caller(running, "a") as caller:
            caller.writer.close()
            await until_cancelled(running, before)

        assert len(running.runtime.admission.pool) == 1
        assert len(identity.calls) == 2


async def test_the_fallback_ticket_of_a_waiting_caller_is_accepted_after_a_late_failure(
    identity: IdentityStub, clock: FakeClock
) -> None:
    identity.script = DOWN

    async def slowly_down(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await asyncio.sleep(0.2)
        return await DOWN(request, context)

    async with uvicorn_service(identity.address, tickets=["a"], clock=clock) as running:
        await degrade(running, clock)
        identity.script = slowly_down
        response = await running.connect("a")

    assert response.status_code == 200


async def test_the_requests_of_a_burst_above_the_capacity_are_refused_at_once(identity: IdentityStub) -> None:
    release = asyncio.Event()

    async def slow(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await release.wait()
        return pb.ValidateResponse(success=pb.Success(user_id="u-1"))

    identity.script = slow
    async with service(identity.address, PROXY_MAX_INFLIGHT=3) as running:
        served = [asyncio.create_task(running.connect()) for _ in range(3)]
        while len(identity.calls) < 3:
            await asyncio.sleep(0.01)

        refused = await connect_at_once(running, ["a"] * 20)
        release.set()

        assert refused == {503: 20}
        assert [(await task).status_code for task in served] == [200] * 3
        assert (await running.connect()).status_code == 200
    assert len(identity.calls) == 4
