"""An identity service that accepts every ticket, or with --hang never answers: python -m bench.parts.identity PORT"""

import argparse
import asyncio
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


class Stub(pb_grpc.ConnectProxyServiceServicer):
    """Answers at once, or never."""

    def __init__(self, hang: bool) -> None:
        self._hang = hang

    async def Validate(  # noqa: N802  (the contract's name)
        self, request: pb.ValidateRequest, context: aio.ServicerContext[Any, Any]
    ) -> pb.ValidateResponse:
        if self._hang:
            await asyncio.Event().wait()
        return YES


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--hang", action="store_true")
    options = parser.parse_args()
    server = aio.server(options=[("grpc.so_reuseport", 0)])
    pb_grpc.add_ConnectProxyServiceServicer_to_server(Stub(options.hang), server)  # type: ignore[no-untyped-call]  # generated
    server.add_insecure_port(f"127.0.0.1:{options.port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
