"""A connect uses no thread, and leaves nothing in memory and no reference cycle. These tests do not measure time.

They run in uvloop, as the service does. asyncio's own event loop keeps up to a hundred cancelled timers, and these
would hide a leak.
"""

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise

import grpc
import orjson
import pytest
import uvloop

from proto.realtime.v1 import connect_proxy_pb2 as pb
from realtime_site.serving.disconnect import CHECK_EVERY_S
from realtime_site.tracing.encoder import encode_records
from realtime_site.tracing.queue import Ended, SpanQueue, spans_of
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, aborts, identity_stub, success
from tests.harness.raw_http import RawClient, raw_client
from tests.harness.service import connect_body, uvicorn_service
from tests.harness.threads import thread_calls

WARM_UP, REQUESTS, ROUNDS = 50, 80, 4
# An accepted connect with tracing, and a refused one without.
kinds = pytest.mark.parametrize(
    ("script", "traced"), [("accepted", True), ("refused", False)], ids=["accepted, traced", "refused, untraced"]
)
TOKEN = b"X-Centrifugo-Proxy-Token: a-token\r\n"
OURS = ("centrifugo_proxy.", "fallback.", "realtime_site.")


async def late(request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
    """Accepts a ticket after the service has begun to watch for a hang-up of the client."""
    await asyncio.sleep(3 * CHECK_EVERY_S)
    return await success()(request, context)


SCRIPTS = {"accepted": success(), "refused": aborts(grpc.StatusCode.NOT_FOUND), "accepted late": late}


class Encoding:
    """Encodes spans like an exporter, but does not send them."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Sequence[Ended]) -> None:
        records = [span for span in spans if isinstance(span, tuple)]
        assert encode_records(records)
        self.spans += sum(map(spans_of, spans))

    def shutdown(self) -> None:
        """Do nothing."""


class Warm:
    """A service that has already answered some requests. `use` sends more."""

    def __init__(self, client: RawClient, identity: IdentityStub, processor: SpanQueue | None) -> None:
        self._client, self._identity, self._processor = client, identity, processor

    async def use(self, requests: int) -> set[int]:
        """Send this many connects on one connection. Returns their statuses."""
        return {await self._connect(f"ticket-{number}") for number in range(requests)}

    async def _connect(self, ticket: str) -> int:
        await self._client.post("/centrifugo/connect", orjson.dumps(connect_body(ticket)), TOKEN)
        status, _ = await self._client.answer()
        return status

    async def bytes_in_use(self) -> int:
        """The bytes that Python has allocated when every span is exported, without the records of the stub."""
        await asyncio.sleep(0.05)
        if self._processor is not None:
            assert self._processor.force_flush(5000)
        self._identity.calls.clear()
        self._identity.metadata.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]


@asynccontextmanager
async def warm(script: str, exporter: Encoding | None, requests: int = WARM_UP) -> AsyncIterator[Warm]:
    """A service that has answered some requests. It traces if there is an exporter."""
    processor = None if exporter is None else SpanQueue(exporter, batch=100)
    async with (
        identity_stub() as identity,
        uvicorn_service(identity.address, span_processor=processor, CENTRIFUGO_PROXY_TOKEN="a-token") as running,
        raw_client(running) as client,
    ):
        identity.script = SCRIPTS[script]
        it = Warm(client, identity, processor)
        await it.use(requests)
        yield it


@kinds
def test_many_connects_use_no_thread(script: str, traced: bool) -> None:
    async def scenario() -> tuple[set[int], list[str], list[threading.Thread]]:
        async with warm(script, Encoding() if traced else None) as it:
            before = threading.enumerate()
            with thread_calls() as calls:
                statuses = await it.use(REQUESTS)
            return statuses, calls, [thread for thread in threading.enumerate() if thread not in before]

    statuses, calls, started = uvloop.run(scenario())

    assert statuses == {200 if script == "accepted" else 401}
    assert (calls, started) == ([], [])


@kinds
def test_many_connects_leave_nothing_in_memory_and_no_task(script: str, traced: bool) -> None:
    exporter = Encoding() if traced else None

    tracemalloc.start()
    try:
        sizes, tasks = uvloop.run(rounds(script, exporter))
    finally:
        tracemalloc.stop()

    # One object for each request would exceed the limit, because the smallest has 16 bytes. What other threads of the
    # test run allocate appears in one round only.
    assert min(after - before for before, after in pairwise(sizes)) < REQUESTS * 12
    assert tasks[-1] <= tasks[0]
    assert exporter is None or exporter.spans == 2 * (WARM_UP + ROUNDS * REQUESTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_connects_leave_no_reference_cycle(script: str) -> None:
    async def scenario() -> list[type]:
        async with warm(script, exporter=None, requests=1) as it:
            with no_collections():
                await it.use(3)
                return in_cycles()

    assert uvloop.run(scenario()) == []


@contextmanager
def no_collections() -> Iterator[None]:
    """Collect all earlier garbage, and then turn automatic garbage collection off."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def in_cycles() -> list[type]:
    """The types of this project's objects that only a garbage collection would free.

    Objects of libraries do not count, because the gRPC server of the stub leaves some in cycles.
    """
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [type(each) for each in gc.garbage if type(each).__module__.startswith(OURS)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def rounds(script: str, exporter: Encoding | None) -> tuple[list[int], list[int]]:
    """The bytes in use and the number of tasks after each round of requests."""
    sizes, tasks = [], []
    async with warm(script, exporter) as it:
        await it.bytes_in_use()
        for _ in range(ROUNDS):
            await it.use(REQUESTS)
            sizes.append(await it.bytes_in_use())
            tasks.append(len(asyncio.all_tasks()))
    return sizes, tasks
