"""Gets our identity from the SPIFFE Workload API. The answers come in one stream, which is reopened when it ends.

https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import uniform
from time import time
from typing import Final, Protocol

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from centrifugo_proxy.peers.spiffe.ids import grpc_target
from centrifugo_proxy.peers.spiffe.svid import BadSvid, Svid, read_svid
from proto.spiffe import workload_api_pb2 as pb

METHOD: Final = "/SpiffeWorkloadAPI/FetchX509SVID"
SECURITY_HEADER: Final = (("workload.spiffe.io", "true"),)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
# The pause after a status that is unlikely to change at the next attempt.
FINAL_PAUSE_S: Final = 60.0
FINAL: Final = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED})
OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_http_proxy", 0),
)


class Report(Protocol):
    """Reports changes of our identity to operators."""

    def svid_taken(self, svid: Svid) -> None: ...

    def svid_refused(self, problem: str) -> None: ...

    def svid_expired(self, svid: Svid) -> None: ...

    def agent_connected(self, connected: bool, status: str) -> None: ...


@dataclass(slots=True)
class SvidSource:
    """The newest identity. `run` keeps it up to date. Each new identity increments `generation`.

    An identity stays in use until it expires, even if the agent refuses a request. For example, an agent that has just
    been restarted answers PERMISSION_DENIED for some seconds.
    """

    socket: str
    report: Report
    wanted_id: str = ""
    wall_clock: Callable[[], float] = time
    svid: Svid | None = None
    generation: int = 0
    connected: bool = False
    first: asyncio.Event = field(default_factory=asyncio.Event)
    _expired: bool = False

    def current(self) -> Svid | None:
        """The current identity. None before the first identity, and after the identity has expired."""
        if self.svid is None or self.wall_clock() >= self.svid.not_after:
            return None
        return self.svid

    def expired(self) -> bool:
        """True at the first call after the identity has expired. This call also reports the expiry."""
        if self._expired or self.svid is None or self.current() is not None:
            return False
        self._expired = True
        self.report.svid_expired(self.svid)
        return True

    async def run(self) -> None:
        """Follow the Workload API, until cancelled."""
        pause_s = FIRST_PAUSE_S
        async with aio.insecure_channel(grpc_target(self.socket), options=OPTIONS) as channel:
            while True:
                before = self.generation
                status = await self._follow(channel)
                self._connected(False, status.name)
                pause_s = FIRST_PAUSE_S if self.generation > before else min(pause_s * 2, LONGEST_PAUSE_S)
                await asyncio.sleep(FINAL_PAUSE_S if status in FINAL else uniform(pause_s / 2, pause_s))  # noqa: S311  (no secret)

    async def _follow(self, channel: aio.Channel) -> grpc.StatusCode:
        """Process the answers of one stream. Returns the status with which it ended."""
        # No deserializer: for an answer that a deserializer refuses, grpc.aio returns None and logs a traceback.
        call = channel.unary_stream(METHOD, None, None)(b"", metadata=SECURITY_HEADER)
        try:
            async for answer in call:
                self._connected(True, "OK")
                self._parse(answer)
        except aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def _parse(self, answer: bytes) -> None:
        try:
            response = pb.X509SVIDResponse.FromString(answer)
        except DecodeError:
            self.report.svid_refused("the answer is not an X509SVIDResponse")
        else:
            self.take(response)

    def take(self, response: pb.X509SVIDResponse) -> None:
        """Use the answer's identity. If the answer is unusable, keep the current identity."""
        try:
            svid = read_svid(response.svids, response.federated_bundles, self.wanted_id)
        except BadSvid as bad:
            self.report.svid_refused(str(bad))
            return
        if svid == self.svid:
            return
        self.svid, self._expired = svid, False
        self.generation += 1
        self.first.set()
        self.report.svid_taken(svid)

    def _connected(self, connected: bool, status: str) -> None:
        if connected != self.connected or not connected:
            self.connected = connected
            self.report.agent_connected(connected, status)
