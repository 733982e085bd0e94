"""Measures how long scrapes, garbage collections and exports hold up the event loop: python -m bench.holdup

The service runs in this process, without a server, while 64 connects wait for an identity that does not answer. In
every iteration of the event loop, a tick measures the time since the last tick. Each row repeats one kind of work; the
row `nothing` shows the delays of the machine itself. The worst delay of each repetition is recorded. The target for the
median of these worst delays is 3 ms. The target is for a median, because other work on the machine delays single ticks.
The exit code is 1 if a median is above the target.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any, Final

import uvloop

from bench.parts.command import measured, parser_of
from bench.parts.load import TOKEN
from bench.parts.processes import OURS, identity, sink
from centrifugo_proxy.protocol.codes import path_of
from centrifugo_proxy.protocol.guard import TOKEN_HEADER
from realtime_site import boot

BAR_MS: Final = 3.0
IN_FLIGHT: Final = 64
SPANS: Final = 2000
BODY: Final = (
    b'{"client":"9336a229-2400-4ebc-8c50-0a643d22e8a0","transport":"websocket","protocol":"json","encoding":"json",'
    b'"data":{"token":"ticket-of-the-usual-length-of-43-characters"}}'
)

Work = Callable[[], Awaitable[object]]


@dataclass
class Ticks:
    """The longest time between two ticks since `start`, in milliseconds."""

    worst_ms: float = 0.0
    _last: float = field(default=0.0)
    _next: asyncio.Handle | None = None

    def start(self) -> None:
        self.worst_ms, self._last = 0.0, perf_counter()
        self._next = asyncio.get_running_loop().call_soon(self._tick)

    def stop(self) -> float:
        if self._next is not None:
            self._next.cancel()
        return max(self.worst_ms, (perf_counter() - self._last) * 1000)

    def _tick(self) -> None:
        now = perf_counter()
        self.worst_ms = max(self.worst_ms, (now - self._last) * 1000)
        self._last = now
        self._next = asyncio.get_running_loop().call_soon(self._tick)


async def held_up_ms(work: Work, repetitions: int) -> list[float]:
    """The worst delay in each repetition of `work`, in milliseconds."""
    ticks, delays = Ticks(), []
    for _ in range(repetitions):
        await asyncio.sleep(0.02)
        ticks.start()
        await asyncio.sleep(0.005)
        await work()
        await asyncio.sleep(0.002)
        delays.append(ticks.stop())
    return delays


async def connect(handler: Any, runtime: Any) -> None:
    """Send a connect, and wait for its answer."""
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path_of("connect"),
        "query_string": b"", "root_path": "", "state": {"runtime": runtime},
        "headers": [(b"host", b"bench"), (TOKEN_HEADER, TOKEN.encode())],
    }  # fmt: skip
    body = [{"type": "http.request", "body": BODY, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return body.pop() if body else await asyncio.get_running_loop().create_future()

    async def send(message: dict[str, Any]) -> None:
        """Discard the answer."""

    await handler(scope, receive, send)


async def nothing() -> None:
    """Do nothing, to measure the machine's own delay."""
    await asyncio.sleep(0.01)


async def collect() -> None:
    """Run a full garbage collection."""
    gc.collect()


async def collect_young() -> None:
    """Create and collect young objects: a few fewer than the number that starts Python's own collection."""
    kept = [[number] for number in range(gc.get_threshold()[0] - 100)]
    gc.collect(0)
    del kept


async def run(traces: str, hanging: str, repetitions: int) -> dict[str, Any]:
    """The median and the maximum of the worst delays of each row, in milliseconds."""
    configure(traces, hanging)
    from django.conf import settings  # noqa: PLC0415  (these need a configured Django)

    from centrifugo_proxy.telemetry.metrics_page import MetricsPage  # noqa: PLC0415
    from fallback.loaded import loaded_pool  # noqa: PLC0415
    from realtime_site.asgi import freeze_startup_objects  # noqa: PLC0415
    from realtime_site.lifespan import open_runtime  # noqa: PLC0415
    from realtime_site.serving.handler import LeanHandler  # noqa: PLC0415
    from realtime_site.tracing.otlp import LeanExporter  # noqa: PLC0415
    from realtime_site.tracing.queue import SpanQueue  # noqa: PLC0415

    async with open_runtime(settings, loaded_pool()) as runtime:
        handler, queue = LeanHandler(), SpanQueue(exporter_to(traces, LeanExporter), delay_s=3600)
        freeze_startup_objects()
        waiting = [asyncio.create_task(connect(handler, runtime)) for _ in range(IN_FLIGHT)]
        await asyncio.sleep(0.5)

        async def export() -> None:
            for number in range(SPANS // 2):  # each record has two spans: the request's and a call's
                queue.add(record(number))
            await asyncio.to_thread(queue.force_flush)

        works: dict[str, Work] = {
            "nothing": nothing,
            "scrape": MetricsPage(every_s=0).text,
            "young collection": collect_young,
            "full collection": collect,
            f"export of {SPANS} spans": export,
        }
        await export()
        rows = {name: await held_up_ms(work, repetitions) for name, work in works.items()}
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await asyncio.to_thread(queue.shutdown)
    return {name: {"median_ms": round(median(each), 2), "worst_ms": round(max(each), 2)} for name, each in rows.items()}


def configure(traces: str, hanging: str) -> None:
    """Configure Django for a service with metrics and traces."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ |= {
        "IDENTITY_VALIDATE_GRPC_ADDRESS": hanging,
        "IDENTITY_VALIDATE_DEADLINE_MS": "60000",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces,
        "OTEL_TRACES_SAMPLER_ARG": "1.0",
        "CENTRIFUGO_PROXY_TOKEN": TOKEN,
    }
    boot.configure()


def exporter_to(traces: str, exporter: Any) -> Any:
    """An exporter with the service's usual options."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

    from realtime_site.variables.trace_options import Sampling, TraceOptions  # noqa: PLC0415

    options = TraceOptions(
        endpoint=traces, service_name="bench", sampling=Sampling(1.0, parent_based=True), headers={}, timeout_s=3,
        gzip=False, ca_file="", client_certificate="", client_key="", delay_s=5,
    )  # fmt: skip
    return exporter(options, Resource.create({"service.name": "bench"}), InstrumentationScope("bench", "1"))


def record(number: int) -> Any:
    """A span record like that of a connect."""
    from centrifugo_proxy.spans import Called  # noqa: PLC0415
    from realtime_site.tracing.records import NO_STATE  # noqa: PLC0415

    path = path_of("connect")
    facts = ("POST", path, path, "http", "1.1", ("127.0.0.1", 9730), 200, "success")
    trace_id, span_id, start_ns, end_ns = (number + 1).to_bytes(16), (number + 1).to_bytes(8), number + 1, number + 2
    calls = (((Called("a.Service", "Ask"), 0), span_id, start_ns, end_ns),)
    return (facts, trace_id, span_id, b"", False, NO_STATE, start_ns, end_ns, calls)


def table(result: dict[str, Any]) -> str:
    """The result as a table."""
    lines = [f"{'':24}{'median ms':>10}{'worst ms':>10}"]
    lines += [f"{name:24}{row['median_ms']:10.2f}{row['worst_ms']:10.2f}" for name, row in result.items()]
    return "\n".join(lines)


def measure(repetitions: int) -> dict[str, Any]:
    """The result of `run`. Raises BenchError."""
    with identity(hanging=True) as hanging, sink() as traces:
        return uvloop.run(run(traces, hanging, repetitions))


def main() -> None:
    parser = parser_of("holdup", __doc__)
    parser.add_argument("--repetitions", type=int, default=30, help="repetitions of each row (%(default)s)")
    options = parser.parse_args()
    result = measured(lambda: measure(options.repetitions), options.json)
    sys.stdout.write(table(result) + "\n")
    sys.exit(any(row["median_ms"] > BAR_MS for row in result.values()))


if __name__ == "__main__":
    main()
