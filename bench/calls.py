"""Measures a gRPC call, and a garbage collection: python -m bench.calls

It first prints the CPU that the thread of the event loop uses for a gRPC call: with the service's code, and with
grpc.aio alone. Then it prints the time of a full garbage collection: before and after startup objects are frozen.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from time import perf_counter, thread_time
from typing import Any, Final

import uvloop
from grpc import aio

from bench.parts.processes import identity
from bench.parts.validate import QUERY, SERVICE, VALIDATE
from centrifugo_proxy.peers.channel_options import channel_options
from centrifugo_proxy.peers.channels import PlainSource, RollingChannel, rolling_channel
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.spans import OFF
from centrifugo_proxy.telemetry.peer_log import PeerLog
from proto.realtime.v1 import connect_proxy_pb2 as pb

CALLS, AT_ONCE, ROUNDS = 3200, 64, 15
DEADLINE_S: Final = 2.5

Call = Callable[[], Awaitable[Any]]


async def cpu_us(call: Call) -> float:
    """CPU of this thread in microseconds per call, with 64 calls at once."""
    started = thread_time()
    await asyncio.gather(*(_several(call, CALLS // AT_ONCE) for _ in range(AT_ONCE)))
    return (thread_time() - started) / CALLS * 1e6


async def _several(call: Call, times: int) -> None:
    for _ in range(times):
        await call()


def channel_to(address: str) -> AbstractAsyncContextManager[RollingChannel]:
    """A channel with the service's options."""
    source = PlainSource(address, channel_options(DEADLINE_S))
    return rolling_channel(source, target=address, deadline_s=DEADLINE_S, report=PeerLog("identity"))


async def calls(address: str) -> dict[str, float]:
    """The CPU of each kind of call in µs: the minimum over the rounds, because other work only adds time."""
    async with channel_to(address) as channel, aio.insecure_channel(address) as grpc_channel:
        peer = Peer(channel=channel, deadline_s=DEADLINE_S, observe=lambda status, seconds: None, tracer=OFF)
        ours = peer.method(SERVICE, "Validate", pb.ValidateRequest, pb.ValidateResponse)
        bare = grpc_channel.unary_unary(VALIDATE, pb.ValidateRequest.SerializeToString, pb.ValidateResponse.FromString)
        kinds: dict[str, Call] = {"service": lambda: ours(QUERY), "grpc.aio": lambda: bare(QUERY, timeout=DEADLINE_S)}
        seen: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, call in kinds.items():
                seen[name].append(await cpu_us(call))
    return {name: min(each) for name, each in seen.items()}


def collection_ms() -> tuple[float, float]:
    """Milliseconds of a full garbage collection with the service loaded: before and after `gc.freeze()`."""
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
    ours, bare = found["service"], found["grpc.aio"]
    say(f"µs of the event loop for a call: service {ours:.0f}, grpc.aio alone {bare:.0f} ({ours / bare:.2f} times)")
    plain, frozen = collection_ms()
    say(f"ms of a full garbage collection: {plain:.1f}; with frozen startup objects: {frozen:.1f}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
