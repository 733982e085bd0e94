"""A connect uses no thread and leaves nothing in memory. These tests do not measure time."""

import asyncio
import gc
import threading
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import grpc
import pytest

from realtime_site.tracing.encoder import encode_records
from realtime_site.tracing.queue import Ended, SpanQueue, spans_of
from tests.harness.identity import IdentityStub, aborts, success
from tests.harness.service import Service, service
from tests.harness.threads import thread_calls

WARM_UP, REQUESTS, ROUNDS = 100, 250, 4
# Each kind of answer and each kind of tracing once.
kinds = pytest.mark.parametrize(
    ("script", "traced"), [("accepted", True), ("refused", False)], ids=["accepted, traced", "refused, untraced"]
)
SCRIPTS = {"accepted": success(), "refused": aborts(grpc.StatusCode.NOT_FOUND)}


@pytest.fixture(autouse=True)
def _silent_client(caplog: pytest.LogCaptureFixture) -> None:
    """httpx logs a line per request, and pytest would keep it in memory."""
    caplog.set_level("WARNING", logger="httpx")


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

    def __init__(self, running: Service, identity: IdentityStub, processor: SpanQueue | None) -> None:
        self.running, self._identity, self._processor = running, identity, processor

    async def use(self, requests: int) -> set[int]:
        """Send this many connects. Returns their statuses."""
        return {(await self.running.connect(f"ticket-{number}")).status_code for number in range(requests)}

    async def bytes_in_use(self) -> int:
        """The bytes that Python has allocated, without the stub's records, once every span is exported."""
        await asyncio.sleep(0.05)
        if self._processor is not None:
            assert self._processor.force_flush(5000)
        self._identity.calls.clear()
        self._identity.metadata.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]


@asynccontextmanager
async def warm(identity: IdentityStub, exporter: Encoding | None) -> AsyncIterator[Warm]:
    """A warm service; it traces when there is an exporter."""
    processor = None if exporter is None else SpanQueue(exporter, batch=100)
    async with service(identity.address, span_processor=processor, CENTRIFUGO_PROXY_TOKEN="a-token") as running:
        running.http.headers["X-Centrifugo-Proxy-Token"] = "a-token"
        it = Warm(running, identity, processor)
        await it.use(WARM_UP)
        yield it


@kinds
async def test_many_connects_use_no_thread(identity: IdentityStub, script: str, traced: bool) -> None:
    identity.script = SCRIPTS[script]
    async with warm(identity, Encoding() if traced else None) as it:
        before = {thread.ident for thread in threading.enumerate()}

        with thread_calls() as calls:
            statuses = await it.use(REQUESTS)

        assert statuses == {200 if script == "accepted" else 401}
        assert calls == []
        assert {thread.ident for thread in threading.enumerate()} == before


@kinds
async def test_many_connects_leave_no_memory_and_no_task(identity: IdentityStub, script: str, traced: bool) -> None:
    identity.script = SCRIPTS[script]
    exporter = Encoding() if traced else None
    tracemalloc.start()
    try:
        async with warm(identity, exporter) as it:
            await it.bytes_in_use()
            sizes, tasks = [], []
            for _ in range(ROUNDS):
                await it.use(REQUESTS)
                sizes.append(await it.bytes_in_use())
                tasks.append(len(asyncio.all_tasks()))
    finally:
        tracemalloc.stop()

    # Less than an object per request. One-time allocations of the test run's other threads appear in one round only.
    assert min(after - before for before, after in pairwise(sizes)) < REQUESTS * 40
    assert tasks[-1] <= tasks[0]
    assert exporter is None or exporter.spans == 2 * (WARM_UP + ROUNDS * REQUESTS)
