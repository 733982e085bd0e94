"""A call without grpc.aio's wrapper is answered, ends and is cancelled as grpc.aio's own is."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from grpc import aio

from centrifugo_proxy.peers.unary import Failed, Metadata, UnaryUnary
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.identity import Context, IdentityStub, aborts, answers, success

METHOD = "/realtime.v1.ConnectProxyService/Validate"
SERIALIZE, DESERIALIZE = pb.ValidateRequest.SerializeToString, pb.ValidateResponse.FromString
REQUEST = pb.ValidateRequest(ticket="a-ticket", client_id="a-client", transport="websocket", protocol="json")
ANSWERS = {
    "success": pb.ValidateResponse(success=pb.Success(user_id="u-1", family_id="ф", expire_at=2**62, degraded=True)),
    "disconnect": pb.ValidateResponse(disconnect=pb.Disconnect(code=4000, reason="go")),
    "error": pb.ValidateResponse(error=pb.Error(code=1, message="cannot tell")),
    "nothing": pb.ValidateResponse(),
    "much": pb.ValidateResponse(success=pb.Success(user_id="u" * 1_000_000)),
}

Call = Callable[[pb.ValidateRequest, float, Metadata], Awaitable[pb.ValidateResponse]]
End = pb.ValidateResponse | grpc.StatusCode


def lean_call(grpc_channel: aio.Channel) -> Call:
    return UnaryUnary(grpc_channel, METHOD, SERIALIZE, DESERIALIZE)


def wrapped_call(grpc_channel: aio.Channel) -> Call:
    """grpc.aio's own, with the same signature."""
    call = grpc_channel.unary_unary(METHOD, request_serializer=SERIALIZE, response_deserializer=DESERIALIZE)
    return lambda request, timeout_s, metadata: call(request, timeout=timeout_s, metadata=aio.Metadata(*metadata))


CALLS = {"lean": lean_call, "grpc.aio": wrapped_call}


async def end_of(call: Call, timeout_s: float = 5, metadata: Metadata = ()) -> End:
    """The response, or the status that the call ended with."""
    try:
        return await call(REQUEST, timeout_s, metadata)
    except Failed as failed:
        return failed.status
    except aio.AioRpcError as error:
        return error.code()


async def ends(address: str, timeout_s: float = 5, metadata: Metadata = ()) -> list[End]:
    """How each kind of call ends."""
    async with aio.insecure_channel(address) as grpc_channel:
        return [await end_of(make(grpc_channel), timeout_s, metadata) for make in CALLS.values()]


@dataclass
class Hanging:
    """A script that never answers, and knows whether it was called and cancelled."""

    called: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        self.called.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError("nobody sets the event")


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_answer_arrives_as_it_was_sent(identity: IdentityStub, answer: str) -> None:
    identity.script = answers(ANSWERS[answer])

    assert await ends(identity.address) == [ANSWERS[answer]] * 2
    assert identity.calls == [REQUEST] * 2


@pytest.mark.parametrize("status", [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK])
async def test_every_status_ends_the_call_with_that_status(identity: IdentityStub, status: grpc.StatusCode) -> None:
    identity.script = aborts(status, "why")

    assert await ends(identity.address) == [status] * 2


async def test_what_the_server_wrote_beside_the_status_is_not_in_the_error(identity: IdentityStub) -> None:
    identity.script = aborts(grpc.StatusCode.NOT_FOUND, f"no such ticket: {REQUEST.ticket}")

    async with aio.insecure_channel(identity.address) as grpc_channel:
        with pytest.raises(Failed) as failed:
            await lean_call(grpc_channel)(REQUEST, 5, ())

    assert str(failed.value) == "ended with the gRPC status NOT_FOUND"
    assert failed.value.__cause__ is None


async def test_a_method_that_is_not_there_is_unimplemented(identity: IdentityStub) -> None:
    async with aio.insecure_channel(identity.address) as grpc_channel:
        call = UnaryUnary(grpc_channel, METHOD + "Twice", SERIALIZE, DESERIALIZE)

        assert await end_of(call) is grpc.StatusCode.UNIMPLEMENTED


async def test_nobody_there_is_unavailable() -> None:
    assert await ends("127.0.0.1:1") == [grpc.StatusCode.UNAVAILABLE] * 2


async def test_the_deadline_ends_the_call_here_and_there(identity: IdentityStub) -> None:
    identity.script = hanging = Hanging()

    started = asyncio.get_running_loop().time()
    ended = await ends(identity.address, timeout_s=0.2)

    assert ended == [grpc.StatusCode.DEADLINE_EXCEEDED] * 2
    assert 0.35 < asyncio.get_running_loop().time() - started < 2
    await asyncio.wait_for(hanging.cancelled.wait(), 5)


@pytest.mark.parametrize("kind", CALLS)
async def test_cancelling_the_caller_cancels_the_call_at_the_server(identity: IdentityStub, kind: str) -> None:
    identity.script = hanging = Hanging()

    async with aio.insecure_channel(identity.address) as grpc_channel:
        caller = asyncio.ensure_future(CALLS[kind](grpc_channel)(REQUEST, 30, ()))
        await hanging.called.wait()
        caller.cancel()

        with pytest.raises(asyncio.CancelledError):
            await caller
        await asyncio.wait_for(hanging.cancelled.wait(), 5)


async def test_the_channel_goes_on_after_a_cancelled_call(identity: IdentityStub) -> None:
    async with aio.insecure_channel(identity.address) as grpc_channel:
        call = lean_call(grpc_channel)
        for pause_s in (0, 0.001, 0.01):
            caller = asyncio.ensure_future(call(REQUEST, 30, ()))
            await asyncio.sleep(pause_s)
            caller.cancel()
            with suppress(asyncio.CancelledError):
                await caller

        assert await end_of(call) == pb.ValidateResponse(success=pb.Success(user_id="u-1"))


async def test_metadata_arrives_as_grpc_aio_sends_it(identity: IdentityStub) -> None:
    parent = (("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "a=1,b=2"))

    await ends(identity.address, metadata=parent)

    lean, wrapped = identity.metadata
    assert lean == wrapped
    assert parent == (("traceparent", lean["traceparent"]), ("tracestate", lean["tracestate"]))


async def test_calls_at_once_get_their_own_answers(identity: IdentityStub) -> None:
    async def echo(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        await asyncio.sleep(0.01 * (int(request.ticket) % 3))
        return pb.ValidateResponse(success=pb.Success(user_id=request.ticket))

    identity.script = echo
    async with aio.insecure_channel(identity.address) as grpc_channel:
        call = lean_call(grpc_channel)
        answered = await asyncio.gather(*(call(pb.ValidateRequest(ticket=str(n)), 30, ()) for n in range(200)))

    assert [answer.success.user_id for answer in answered] == [str(n) for n in range(200)]


@asynccontextmanager
async def answering_bytes(answer: bytes) -> AsyncIterator[str]:
    """The address of a server that answers Validate with these bytes, whatever they mean."""

    async def validate(request: bytes, context: Any) -> bytes:
        return answer

    server = aio.server()
    handlers = {"Validate": grpc.unary_unary_rpc_method_handler(validate)}
    service = METHOD.split("/")[1]
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.mark.parametrize("answer", [b"\xff", b"\x0a\x7fcut", b'{"user_id": "u-1"}'])
async def test_an_answer_that_is_no_such_message_is_an_internal_error(answer: bytes) -> None:
    async with answering_bytes(answer) as address, aio.insecure_channel(address) as grpc_channel:
        with pytest.raises(Failed, match="no such message") as failed:
            await lean_call(grpc_channel)(REQUEST, 5, ())

    assert failed.value.status is grpc.StatusCode.INTERNAL


@dataclass
class Wire:
    """A TCP forwarder to `address` that can be cut."""

    address: str
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.address.partition(":")
        there, to_there = await asyncio.open_connection(host, int(port))
        self.open += [writer, to_there]
        await asyncio.gather(_copy(reader, to_there), _copy(there, writer))

    def cut(self) -> None:
        for writer in self.open:
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)


@pytest.mark.parametrize("kind", CALLS)
async def test_a_server_that_dies_in_the_middle_of_a_call_is_unavailable(identity: IdentityStub, kind: str) -> None:
    identity.script = hanging = Hanging()
    wire = Wire(identity.address)

    async with await asyncio.start_server(wire.join, "127.0.0.1", 0) as forwarder:
        port = forwarder.sockets[0].getsockname()[1]
        async with aio.insecure_channel(f"127.0.0.1:{port}") as grpc_channel:
            end = asyncio.ensure_future(end_of(CALLS[kind](grpc_channel), 30))
            await hanging.called.wait()
            forwarder.close()
            wire.cut()

            assert await asyncio.wait_for(end, 5) is grpc.StatusCode.UNAVAILABLE


async def test_a_call_outlives_its_closed_channel_until_its_deadline(identity: IdentityStub) -> None:
    """Unlike grpc.aio's, which are cancelled; the service closes its channel when no request is left."""
    identity.script = hanging = Hanging()

    async with aio.insecure_channel(identity.address) as grpc_channel:
        caller = asyncio.ensure_future(end_of(lean_call(grpc_channel), 0.3))
        await hanging.called.wait()

    assert await asyncio.wait_for(caller, 5) is grpc.StatusCode.DEADLINE_EXCEEDED


async def left(identity: IdentityStub, tasks: int) -> int:
    """Python's bytes in use once no more tasks run than these, without what the stub writes down."""
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)
    identity.calls.clear()
    identity.metadata.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def cancelled(call: Call) -> None:
    """A call that is given up at once."""
    caller = asyncio.ensure_future(call(REQUEST, 30, ()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.parametrize(
    "script", [success(), aborts(grpc.StatusCode.NOT_FOUND), "cancelled"], ids=["answered", "refused", "cancelled"]
)
async def test_nothing_is_left_of_1000_calls(identity: IdentityStub, script: Any) -> None:
    use = cancelled if script == "cancelled" else end_of
    identity.script = success() if script == "cancelled" else script
    async with aio.insecure_channel(identity.address) as grpc_channel:
        call = lean_call(grpc_channel)
        tasks = len(asyncio.all_tasks())
        tracemalloc.start()
        try:
            for _ in range(200):
                await use(call)
            before = await left(identity, tasks)
            for _ in range(1000):
                await use(call)
            after = await left(identity, tasks)
        finally:
            tracemalloc.stop()

    assert after - before < 1000 * 16  # not an object a call
