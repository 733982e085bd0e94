"""Two parts by themselves: python -m bench.calls

What the event loop's thread spends on a gRPC call with and without grpc.aio's wrapper (the other threads do the same
for both), and how long a full garbage collection takes with and without what startup made.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter, thread_time
from typing import Any, Final

import uvloop
from grpc import aio

from bench.parts.processes import identity
from centrifugo_proxy.peers.unary import UnaryUnary
from proto.realtime.v1 import connect_proxy_pb2 as pb

METHOD: Final = "/realtime.v1.ConnectProxyService/Validate"
CALLS, AT_ONCE, ROUNDS = 3200, 64, 15
QUERY: Final = pb.ValidateRequest(ticket="t" * 43, client_id="c" * 36, transport="websocket", protocol="json")
SERIALIZE, DESERIALIZE = pb.ValidateRequest.SerializeToString, pb.ValidateResponse.FromString

Call = Callable[[], Awaitable[Any]]


async def cpu_us(call: Call) -> float:
    """Microseconds of this thread's CPU for a call, with 64 at once."""
    started = thread_time()
    await asyncio.gather(*(_several(call, CALLS // AT_ONCE) for _ in range(AT_ONCE)))
    return (thread_time() - started) / CALLS * 1e6


async def _several(call: Call, times: int) -> None:
    for _ in range(times):
        await call()


async def calls(address: str) -> dict[str, float]:
    """The least of rounds in turn: what else the machine does only ever adds."""
    async with aio.insecure_channel(address) as grpc_channel:
        lean = UnaryUnary(grpc_channel, METHOD, SERIALIZE, DESERIALIZE)
        wrapped = grpc_channel.unary_unary(METHOD, request_serializer=SERIALIZE, response_deserializer=DESERIALIZE)
        kinds: dict[str, Call] = {"lean": lambda: lean(QUERY, 2.5), "grpc.aio": lambda: wrapped(QUERY, timeout=2.5)}
        seen: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, call in kinds.items():
                seen[name].append(await cpu_us(call))
    return {name: min(each) for name, each in seen.items()}


def collection_ms() -> tuple[float, float]:
    """Milliseconds of a full collection in a process that has loaded the service: as it is, and frozen."""
    import realtime_site.asgi  # noqa: F401, PLC0415

    gc.collect()
    plain = _timed_collection()
    gc.freeze()
    return plain, _timed_collection()


def _timed_collection() -> float:
    started = perf_counter()
    gc.collect()
    return (perf_counter() - started) * 1000


def main() -> None:
    with identity() as address:
        found = uvloop.run(calls(address))
    lean, wrapped = found["lean"], found["grpc.aio"]
    say(f"µs of the event loop for a call: lean {lean:.0f}, grpc.aio {wrapped:.0f} ({wrapped / lean:.2f} times)")
    plain, frozen = collection_ms()
    say(f"ms of a full collection: {plain:.1f}, frozen {frozen:.1f}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
