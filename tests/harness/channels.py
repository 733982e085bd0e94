"""Channels to real servers, as the service opens them, and a client that calls identity on them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from centrifugo_proxy.peers.channel_options import channel_options
from centrifugo_proxy.peers.channels import PlainSource, RollingChannel, rolling_channel
from centrifugo_proxy.peers.grpc_call import ObservedCall, Peer
from centrifugo_proxy.peers.rollover import AGE_S, Reason
from centrifugo_proxy.peers.statuses import Failed
from centrifugo_proxy.spans import OFF
from proto.realtime.v1 import connect_proxy_pb2 as pb


@dataclass
class Reports:
    """Records a channel's reports to operators."""

    replaced: list[Reason] = field(default_factory=list)
    taken: int = 0
    refused: list[str] = field(default_factory=list)

    def channel_replaced(self, reason: Reason) -> None:
        self.replaced.append(reason)

    def tls_files_taken(self) -> None:
        self.taken += 1

    def tls_files_refused(self, problem: str) -> None:
        self.refused.append(problem)


def plain_channel(
    target: str,
    deadline_s: float = 5,
    *,
    response_bytes: int | None = None,
    report: Reports | None = None,
    age_s: float = AGE_S,
) -> AbstractAsyncContextManager[RollingChannel]:
    """A channel without TLS."""
    source = PlainSource(target, channel_options(deadline_s, response_bytes))
    return rolling_channel(source, target=target, deadline_s=deadline_s, report=report or Reports(), age_s=age_s)


@dataclass
class Client:
    """Calls identity, and records the status of each call."""

    call: ObservedCall[pb.ValidateRequest, pb.ValidateResponse]
    ends: list[str] = field(default_factory=list)

    async def ask(self) -> str:
        """The status of one call."""
        try:
            await self.call(pb.ValidateRequest(ticket="a-ticket"))
        except Failed as failed:
            self.ends.append(failed.status.name)
        else:
            self.ends.append("OK")
        return self.ends[-1]

    async def seconds_until_ok(self, in_a_row: int = 1, within_s: float = 15) -> float:
        """Call with pauses of 20 ms; returns the seconds until this many calls in a row have ended with OK."""
        started = time.monotonic()
        row = 0
        while row < in_a_row:
            assert time.monotonic() - started < within_s, self.ends[-20:]
            row = row + 1 if await self.ask() == "OK" else 0
            await asyncio.sleep(0.02)
        return time.monotonic() - started

    async def ask_for(self, seconds: float) -> set[str]:
        """The statuses of all calls made in this time."""
        until = time.monotonic() + seconds
        seen = set()
        while time.monotonic() < until:
            seen.add(await self.ask())
            await asyncio.sleep(0.05)
        return seen


def client_on(channel: RollingChannel, deadline_s: float) -> Client:
    """A client on a channel."""
    peer = Peer(channel=channel, deadline_s=deadline_s, observe=lambda *_: None, tracer=OFF)
    service = "realtime.v1.ConnectProxyService"
    return Client(peer.method(service, "Validate", pb.ValidateRequest, pb.ValidateResponse))


@asynccontextmanager
async def client_of(
    target: str,
    deadline_s: float = 1,
    *,
    report: Reports | None = None,
    age_s: float = AGE_S,
    response_bytes: int | None = None,
) -> AsyncIterator[Client]:
    """A client of the identity service at `target`."""
    async with plain_channel(target, deadline_s, report=report, age_s=age_s, response_bytes=response_bytes) as channel:
        yield client_on(channel, deadline_s)
