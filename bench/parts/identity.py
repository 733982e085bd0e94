"""An identity service that accepts every ticket: python -m bench.parts.identity PORT

With --hang it never answers. With --calls FILE it keeps the number of calls in a file of eight bytes, so that a new
process continues the count of an earlier one.
"""

import argparse
import asyncio
import mmap
from pathlib import Path
from typing import Any, Final

from grpc import aio

from proto.realtime.v1 import connect_proxy_pb2 as pb
from proto.realtime.v1 import connect_proxy_pb2_grpc as pb_grpc

YES: Final = pb.ValidateResponse(
    success=pb.Success(
        user_id="user-1",
        family_id="family-1",
        subscription_tier=pb.SUBSCRIPTION_TIER_PRO,
        parental_state=pb.ParentalState(feature_lock_chat=True),
        expire_at=1_900_000_000,
    )
)


class CallCount:
    """A number of calls, in a file of eight bytes. A new process continues the count of an earlier one."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), 8)

    def add(self) -> None:
        """Count one call."""
        self._memory[:] = (int.from_bytes(self._memory[:], "little") + 1).to_bytes(8, "little")


class Stub(pb_grpc.ConnectProxyServiceServicer):
    """Answers after `latency_s` seconds, or never."""

    def __init__(self, hang: bool, latency_s: float = 0.0, calls: CallCount | None = None) -> None:
        self._hang = hang
        self._latency_s = latency_s
        self._calls = calls

    async def Validate(  # noqa: N802  (the contract's name)
        self, request: pb.ValidateRequest, context: aio.ServicerContext[Any, Any]
    ) -> pb.ValidateResponse:
        if self._calls is not None:
            self._calls.add()
        if self._hang:
            await asyncio.Event().wait()
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        return YES


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--calls", type=Path, metavar="FILE")
    options = parser.parse_args()
    stub = Stub(options.hang, options.latency_ms / 1000, CallCount(options.calls) if options.calls else None)
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    pb_grpc.add_ConnectProxyServiceServicer_to_server(stub, server)  # type: ignore[no-untyped-call]  # generated
    server.add_insecure_port(f"127.0.0.1:{options.port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
