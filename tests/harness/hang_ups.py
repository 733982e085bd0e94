"""Measures the memory that abandoned gRPC calls take: python -m tests.harness.hang_ups ADDRESS COUNT

Makes some calls to warm up, then COUNT calls (a multiple of 100). All callers hang up. Prints the bytes by which this
process grew during the COUNT calls.
"""

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import Final

from centrifugo_proxy.peers.capacity import Capacity
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.channels import Client, client_of

AT_ONCE, MOST = 100, 500
LEAST_WARM_UP: Final = 3000


async def main(address: str, count: int) -> None:
    async with client_of(address, deadline_s=0.3) as client:
        await hang_up(client, max(LEAST_WARM_UP, count // 5))
        before = await resident_bytes(client.call.peer.abandoned)
        await hang_up(client, count)
        sys.stdout.write(f"{await resident_bytes(client.call.peer.abandoned) - before}\n")


async def hang_up(client: Client, count: int) -> None:
    """Make `count` calls (rounded down to hundreds), a hundred at a time, and cancel each after 5 ms."""
    for _ in range(count // AT_ONCE):
        callers = [asyncio.ensure_future(client.call(pb.ValidateRequest(ticket="a"))) for _ in range(AT_ONCE)]
        await asyncio.sleep(0.005)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        while client.call.peer.abandoned.taken >= MOST:
            await asyncio.sleep(0.01)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def resident_bytes(abandoned: Capacity) -> int:
    """The resident memory of this process in bytes, after all calls have ended."""
    while abandoned.taken:
        await asyncio.sleep(0.05)
    gc.collect()
    return _resident_bytes()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
