"""Compares the cost of a claim on a fallback ticket with a call to identity: python -m bench.claims [--redis URL]

A question is one call to identity, or one claim. The CPU is that of all threads of this process. The SQLite file is in
a temporary folder. Redis is measured only with --redis; the keys get a random prefix, and expire within 400 days. Each
round measures calls, claims in the file and claims in Redis, one after another. The figures are medians of the rounds.
Do not compare figures of different runs.
"""

import asyncio
import secrets
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

import uvloop
from grpc import aio

from bench.parts import machine
from bench.parts.command import measured, parser_of
from bench.parts.figures import percentile
from bench.parts.processes import identity
from bench.parts.validate import QUERY, VALIDATE
from fallback.claims.opening import open_store
from fallback.claims.url import parse_claims_url
from proto.realtime.v1 import connect_proxy_pb2 as pb

AT_ONCE: Final = (1, 16)
DEADLINE_S: Final = 5.0
POOL: Final = "0" * 16

Call = Callable[[], Awaitable[Any]]


class Figures(NamedTuple):
    """The figures of one round: CPU of a question in µs, and the median and 99th percentile of its duration in ms."""

    cpu_us: float
    p50_ms: float
    p99_ms: float


async def measure(call: Call, questions: int, at_once: int) -> Figures:
    """The figures of `questions` questions, of which `at_once` are in flight at the same time."""
    times: list[float] = []

    async def call_some() -> None:
        for _ in range(questions // at_once):
            begun = perf_counter()
            await call()
            times.append(perf_counter() - begun)

    cpu = process_time()
    await asyncio.gather(*(call_some() for _ in range(at_once)))
    cpu = process_time() - cpu
    return Figures(cpu / len(times) * 1e6, percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3)


@asynccontextmanager
async def ways(address: str, redis: str) -> AsyncIterator[dict[str, Call]]:
    """The questions by name: a call to identity at `address`, and for each store a claim on a new ticket."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="bench-claims-"))
        grpc_channel = await stack.enter_async_context(aio.insecure_channel(address))
        validate = grpc_channel.unary_unary(
            VALIDATE, pb.ValidateRequest.SerializeToString, pb.ValidateResponse.FromString
        )
        found: dict[str, Call] = {"identity": lambda: validate(QUERY, timeout=DEADLINE_S)}
        for name, url in {"file": Path(folder).as_uri(), "redis": redis}.items():
            if url:
                found[name] = await _claiming(stack, url)
        yield found


async def _claiming(stack: AsyncExitStack, url: str) -> Call:
    place, prefix = parse_claims_url(url), f"bench-{secrets.token_hex(4)}"
    store = open_store(place, prefix=prefix, pool=POOL, deadline_s=DEADLINE_S)
    stack.push_async_callback(store.close)
    return lambda: store.claim(secrets.token_hex(16))


async def run(address: str, redis: str, questions: int, rounds: int) -> dict[str, Any]:
    """The medians for each kind of question, and for each number of questions in flight."""
    found: dict[str, list[Figures]] = {}
    async with ways(address, redis) as calls:
        for call in calls.values():
            await measure(call, questions // 10 + 16, 16)  # warm up connections, file and caches
        for _ in range(rounds):
            for name, call in calls.items():
                for at_once in AT_ONCE:
                    found.setdefault(f"{name}, {at_once} at once", []).append(await measure(call, questions, at_once))
    rows = {name: _medians(figures)._asdict() for name, figures in found.items()}
    return {"machine": machine.describe(), "questions": questions, "rounds": rounds, "rows": rows}


def _medians(figures: list[Figures]) -> Figures:
    return Figures(*(statistics.median(column) for column in zip(*figures, strict=True)))


def table(result: dict[str, Any]) -> str:
    """The result as a table."""
    lines = [f"{'':22}{'CPU µs':>9}{'/ identity':>12}{'p50 ms':>9}{'p99 ms':>9}"]
    for name, row in result["rows"].items():
        beside = result["rows"][f"identity,{name.partition(',')[2]}"]["cpu_us"]
        lines.append(
            f"{name:22}{row['cpu_us']:9.0f}{row['cpu_us'] / beside:12.2f}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = parser_of("claims", __doc__)
    parser.add_argument("--redis", default="", help="the URL of a Redis; empty = do not measure Redis")
    parser.add_argument("--questions", type=int, default=2000, help="questions per measurement, >= 16 (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (%(default)s)")
    options = parser.parse_args()
    with identity() as address, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measure = run(address, options.redis, options.questions, options.rounds)
        result = measured(lambda: runner.run(measure), options.json)
    sys.stdout.write(table(result) + "\n")


if __name__ == "__main__":
    main()
