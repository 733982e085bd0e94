"""Calls to a peer: their answers, how they end, and the memory that stays in use after them."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import grpc
import pytest
import uvloop
from grpc import aio

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.grpc_call import ABANDONED_CALLS, Peer
from centrifugo_proxy.peers.session_slots import SessionSlots, Share, ShareTaken
from centrifugo_proxy.peers.statuses import Failed, Interrupted
from centrifugo_proxy.spans import OFF, Metadata, StartedCall, Tracer
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.channels import plain_channel
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, aborts, answers, identity_stub, success

SERVICE = "realtime.v1.ConnectProxyService"
CALLS = 80  # made between two measurements of memory
REQUEST = pb.ValidateRequest(ticket="a-ticket", client_id="a-client", transport="websocket", protocol="json")
ANSWERS = {
    "success": pb.ValidateResponse(success=pb.Success(user_id="u-1", family_id="ф", expire_at=2**62, degraded=True)),
    "disconnect": pb.ValidateResponse(disconnect=pb.Disconnect(code=4000, reason="go")),
    "error": pb.ValidateResponse(error=pb.Error(code=1, message="cannot tell")),
    "nothing": pb.ValidateResponse(),
    "much": pb.ValidateResponse(success=pb.Success(user_id="u" * 1_000_000)),
}
Call = Callable[[pb.ValidateRequest], Awaitable[pb.ValidateResponse]]


@dataclass
class Carrying(Tracer):
    """A tracer whose calls carry this metadata."""

    metadata: Metadata

    def start_call(self) -> StartedCall:
        return (self.metadata,)


@asynccontextmanager
async def calling(
    address: str,
    deadline_s: float = 5,
    *,
    method: str = "Validate",
    tracer: Tracer = OFF,
    capacity: Capacity | None = None,
    share: Share | None = None,
    observed: list[str] | None = None,
    abandoned: Capacity | None = None,
) -> AsyncIterator[Call]:
    """A function that calls Validate, or another method, of the identity service at this address."""
    statuses = [] if observed is None else observed
    async with plain_channel(address, deadline_s) as channel:
        peer = Peer(
            channel=channel,
            deadline_s=deadline_s,
            observe=lambda status, seconds: statuses.append(status),
            tracer=tracer,
            capacity=capacity,
            share=share,
            abandoned=abandoned or Capacity(ABANDONED_CALLS),
        )
        yield peer.method(SERVICE, method, pb.ValidateRequest, pb.ValidateResponse)


@dataclass
class Hanging:
    """A script that never answers. It releases `called` when a call arrives, and `ended` when the call ends."""

    called: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    ended: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def __call__(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        self.called.release()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.release()
        raise AssertionError("the event is never set")


async def hang_up(call: Call, hanging: Hanging) -> None:
    """Make a call, and cancel it once it has reached the server."""
    caller = asyncio.ensure_future(call(REQUEST))
    await hanging.called.acquire()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_answer_arrives_unchanged(identity: IdentityStub, answer: str) -> None:
    identity.script = answers(ANSWERS[answer])

    async with calling(identity.address) as call:
        answered = await call(REQUEST)

    assert answered == ANSWERS[answer]
    assert identity.calls == [REQUEST]


@pytest.mark.parametrize("status", [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK])
async def test_every_status_fails_the_call_without_the_servers_details(
    identity: IdentityStub, status: grpc.StatusCode
) -> None:
    identity.script = aborts(status, f"no such ticket: {REQUEST.ticket}")
    observed: list[str] = []

    async with calling(identity.address, observed=observed) as call:
        with pytest.raises(Failed) as failed:
            await call(REQUEST)

    assert str(failed.value) == f"ended with the gRPC status {status.name}"
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)
    assert isinstance(failed.value, Interrupted) is (status is grpc.StatusCode.CANCELLED)
    assert observed == [status.name]


async def test_a_call_of_a_missing_method_ends_with_unimplemented(identity: IdentityStub) -> None:
    async with calling(identity.address, method="ValidateTwice") as call:
        with pytest.raises(Failed) as failed:
            await call(REQUEST)

    assert failed.value.status is grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_to_a_closed_port_ends_with_unavailable() -> None:
    async with calling("127.0.0.1:1") as call:
        with pytest.raises(Failed) as failed:
            await call(REQUEST)

    assert failed.value.status is grpc.StatusCode.UNAVAILABLE


async def test_the_deadline_ends_the_call_on_both_sides(identity: IdentityStub) -> None:
    identity.script = hanging = Hanging()

    async with calling(identity.address, deadline_s=0.2) as call:
        with pytest.raises(Failed) as failed:
            await call(REQUEST)
        await asyncio.wait_for(hanging.ended.acquire(), 5)

    assert failed.value.status is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_the_metadata_of_the_span_reaches_the_server(identity: IdentityStub) -> None:
    parent = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "a=1,b=2"))

    async with calling(identity.address, tracer=Carrying(parent)) as call:
        await call(REQUEST)

    [arrived] = identity.metadata
    assert dict(parent).items() <= arrived.items()


async def test_concurrent_calls_get_their_own_answers(identity: IdentityStub) -> None:
    async def echo(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await asyncio.sleep(0.01 * (int(request.ticket) % 3))
        return pb.ValidateResponse(success=pb.Success(user_id=request.ticket))

    identity.script = echo
    async with calling(identity.address, deadline_s=30) as call:
        answered = await asyncio.gather(*(call(pb.ValidateRequest(ticket=str(n))) for n in range(200)))

    assert [answer.success.user_id for answer in answered] == [str(n) for n in range(200)]


async def test_a_call_above_the_capacity_is_refused_and_a_slot_stays_taken_until_its_call_has_ended(
    identity: IdentityStub,
) -> None:
    identity.script = hanging = Hanging()
    capacity = Capacity(1)

    async with calling(identity.address, deadline_s=1, capacity=capacity) as call:
        under_way = asyncio.ensure_future(call(REQUEST))
        await hanging.called.acquire()
        with pytest.raises(Failed, match="too many calls are in progress") as failed:
            await call(REQUEST)
        taken = capacity.taken
        under_way.cancel()
        await asyncio.wait([under_way])
        after_the_caller = capacity.taken
        async with asyncio.timeout(10):
            while capacity.taken:
                await asyncio.sleep(0.01)

    assert failed.value.status is grpc.StatusCode.UNAVAILABLE
    assert (taken, after_the_caller) == (1, 1)


@asynccontextmanager
async def answering_bytes(answer: bytes) -> AsyncIterator[str]:
    """The address of a server that answers Validate with these bytes. They need not be a valid message."""

    async def validate(request: bytes, context: Any) -> bytes:
        return answer

    server = aio.server()
    handlers = {"Validate": grpc.unary_unary_rpc_method_handler(validate)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def test_a_call_is_not_made_and_takes_no_capacity_if_its_share_is_full(identity: IdentityStub) -> None:
    capacity, share = Capacity(1), SessionSlots(Capacity(1)).share()
    share.enter()

    async with calling(identity.address, capacity=capacity, share=share) as call:
        with pytest.raises(ShareTaken):
            await call(REQUEST)

    assert (capacity.taken, share.taken, identity.calls) == (0, 1, [])


@pytest.mark.parametrize("answer", [b"\xff", b"\x0a\x7fcut", b'{"user_id": "u-1"}'])
async def test_an_answer_that_cannot_be_parsed_is_an_internal_error_and_grpc_logs_nothing(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering_bytes(answer) as address, calling(address) as call:
        with pytest.raises(Failed, match="not its message") as failed:
            await call(REQUEST)

    assert failed.value.status is grpc.StatusCode.INTERNAL
    assert [record for record in caplog.records if record.name.startswith(("grpc", "centrifugo_proxy"))] == []


async def test_a_call_ends_with_unavailable_if_the_server_stops_during_the_call(identity: IdentityStub) -> None:
    identity.script = hanging = Hanging()

    async with calling(identity.address, deadline_s=30) as call:
        caller = asyncio.ensure_future(call(REQUEST))
        await hanging.called.acquire()
        await identity.stop()
        with pytest.raises(Failed) as failed:
            await asyncio.wait_for(caller, 5)

    assert failed.value.status is grpc.StatusCode.UNAVAILABLE


async def test_a_call_whose_caller_has_gone_runs_until_its_deadline_and_counts_as_cancelled(
    identity: IdentityStub,
) -> None:
    identity.script = hanging = Hanging()
    observed: list[str] = []
    abandoned = Capacity(5)

    async with calling(identity.address, deadline_s=1, observed=observed, abandoned=abandoned) as call:
        await hang_up(call, hanging)
        left = abandoned.taken
        async with asyncio.timeout(10):
            await hanging.ended.acquire()
            while abandoned.taken:
                await asyncio.sleep(0.01)

    assert (left, observed) == (1, ["CANCELLED"])


async def test_a_call_whose_caller_has_gone_is_cancelled_if_too_many_such_calls_are_running(
    identity: IdentityStub,
) -> None:
    abandoned = Capacity(1)
    identity.script = hanging = Hanging()

    async with calling(identity.address, deadline_s=60, abandoned=abandoned) as call:
        await hang_up(call, hanging)
        await hang_up(call, hanging)
        await asyncio.wait_for(hanging.ended.acquire(), 10)
        still_there = abandoned.taken

    assert still_there == 1
    assert hanging.ended.locked()


async def bytes_in_use(identity: IdentityStub, tasks: int) -> int:
    """Wait until at most `tasks` tasks run, drop the stub's records, and return the bytes that Python uses."""
    async with asyncio.timeout(20):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)
    identity.calls.clear()
    identity.metadata.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def cancel_at_once(call: Call) -> None:
    """Make a call, and cancel it at once. The request is sent nevertheless."""
    caller = asyncio.ensure_future(call(REQUEST))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def wait_for_end(call: Call) -> None:
    with suppress(Failed):
        await call(REQUEST)


@pytest.mark.parametrize(
    ("script", "use"),
    [(success(), wait_for_end), (aborts(grpc.StatusCode.NOT_FOUND), wait_for_end), (success(), cancel_at_once)],
    ids=["answered", "refused", "caller gone"],
)
def test_many_calls_leave_no_memory_in_use(script: Any, use: Any) -> None:
    """Run in uvloop, like the service. asyncio's own loop keeps cancelled timers, and their bytes would hide a leak."""
    tracemalloc.start()
    try:
        sizes = uvloop.run(rounds(script, use))
    finally:
        tracemalloc.stop()

    assert min(after - before for before, after in pairwise(sizes)) < CALLS * 12  # the smallest object has 16 bytes


async def rounds(script: Any, use: Callable[[Call], Awaitable[None]]) -> list[int]:
    """The bytes in use after each round of calls."""
    statuses: list[str] = []
    async with identity_stub() as identity, calling(identity.address, deadline_s=30, observed=statuses) as call:
        identity.script = script
        tasks, sizes = len(asyncio.all_tasks()), []
        for _ in range(5):
            for _ in range(CALLS):
                await use(call)
            statuses.clear()
            sizes.append(await bytes_in_use(identity, tasks))
    return sizes
