"""Clients of Centrifugo that connect at the same moment. After a refusal they connect again, like Centrifugo's SDKs."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast

from bench.parts.processes import LOOPBACK
from bench.parts.storm import pause_s
from bench.parts.websocket import CLOSE, close_code, command_frame, handshake, take_frame

# The option `timeout` of the SDKs. It limits the time to open the connection, and then the time until the answer to the
# connect command.
TIMEOUT_S: Final = 5.0
PONG: Final = command_frame({})
HEAD_END: Final = b"\r\n\r\n"
# SDKs try again after an error with a code below 100, and after an error with `temporary`. After error 109 (the token
# has expired) these clients stop, because they have no function that gets a new token.
FIRST_SERVER_ERROR, TOKEN_EXPIRED = 100, 109


class Fate(Enum):
    """The result of an attempt to connect: IN is connected, AGAIN is a failure after which the client tries again, and
    LOST is a failure after which it stops.
    """

    IN = "in"
    AGAIN = "again"
    LOST = "lost"


def fate_of_reply(reply: dict[str, Any]) -> Fate:
    """The result of an attempt with this answer to the connect command."""
    error = reply.get("error")
    if error is None:
        return Fate.IN
    passing = error["code"] < FIRST_SERVER_ERROR or error.get("temporary")
    return Fate.AGAIN if passing and error["code"] != TOKEN_EXPIRED else Fate.LOST


def fate_of_close(code: int) -> Fate:
    """The result of an attempt that ends with this close code. After 3500–3999 and 4500–4999, SDKs do not try again.

    https://centrifugal.dev/docs/server/codes#disconnect-codes
    """
    return Fate.LOST if 3500 <= code < 4000 or 4500 <= code < 5000 else Fate.AGAIN


class Attempt(asyncio.Protocol):
    """One attempt to connect: opens the WebSocket, sends the connect command, and answers pings after that.

    `ended` gets the fate of the attempt and a short reason. If Centrifugo accepts the connection, it stays open.
    """

    def __init__(self, port: int, ticket: str) -> None:
        self._port = port
        self._ticket = ticket
        self._received = b""
        self._open = False
        self._transport: asyncio.Transport | None = None
        self.closed = False
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[tuple[Fate, str]] = loop.create_future()
        self._timeout = loop.call_later(TIMEOUT_S, self._end, Fate.AGAIN, "timeout: open")

    def close(self) -> None:
        """End the connection."""
        self._timeout.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transport is no subclass
        self._transport.write(handshake(self._port))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._open and not self._opened():
            return
        while found := take_frame(self._received):
            frame, self._received = found
            if frame.opcode == CLOSE:
                self._closed(close_code(frame))
            else:
                for line in frame.payload.splitlines():
                    self._replied(json.loads(line))

    def connection_lost(self, error: Exception | None) -> None:
        self._closed(1006)

    def _opened(self) -> bool:
        """If the WebSocket is open now, send the connect command. Returns True if the WebSocket is open."""
        head, end, rest = self._received.partition(HEAD_END)
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101 "):
            self._end(Fate.AGAIN, f"status {head[9:12].decode()}")
            return False
        self._open, self._received = True, rest
        self._timeout.cancel()
        self._timeout = asyncio.get_running_loop().call_later(TIMEOUT_S, self._end, Fate.AGAIN, "timeout: reply")
        self._write(command_frame({"id": 1, "connect": {"data": {"token": self._ticket}}}))
        return True

    def _replied(self, reply: dict[str, Any]) -> None:
        if "id" in reply:
            error = reply.get("error")
            self._end(fate_of_reply(reply), "in" if error is None else f"error {error['code']}")
        elif not reply:
            self._write(PONG)

    def _write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)

    def _closed(self, code: int) -> None:
        self.closed = True
        self._end(fate_of_close(code), f"closed {code}")

    def _end(self, fate: Fate, why: str) -> None:
        self._timeout.cancel()
        if not self.ended.done():
            self.ended.set_result((fate, why))


@dataclass
class Crowd:
    """Clients that connect at the same moment, spread over these ports of Centrifugo.

    `in_after` has the number of seconds until each client was connected. `ends` counts the attempts by their results.
    """

    ports: list[int]
    clients: int
    in_after: dict[int, float] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    lost: int = 0
    dropped_at_end: int = 0
    _open: dict[int, Attempt] = field(default_factory=dict)

    async def run(self, at_most_s: float) -> None:
        """Run until every client is connected or lost, but for at most `at_most_s`.

        The connections stay open until `close` is called.
        """
        started = asyncio.get_running_loop().time()
        tasks = [asyncio.create_task(self._client(number, started)) for number in range(self.clients)]
        _, late = await asyncio.wait(tasks, timeout=at_most_s)
        for task in late:
            task.cancel()
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()

    def dropped(self) -> int:
        """The number of connections that ended after Centrifugo had accepted them."""
        return sum(attempt.closed for attempt in self._open.values())

    def close(self) -> None:
        """End every connection."""
        for attempt in self._open.values():
            attempt.close()

    async def _client(self, number: int, started: float) -> None:
        failures = 0
        while True:
            fate = await self._attempt(number, f"ticket-{number}-{self.attempts}")
            if fate is Fate.IN:
                self.in_after[number] = asyncio.get_running_loop().time() - started
                return
            if fate is Fate.LOST:
                self.lost += 1
                return
            await asyncio.sleep(pause_s(failures))
            failures += 1

    async def _attempt(self, number: int, ticket: str) -> Fate:
        """Make one attempt with a new ticket, like an SDK with the option getData."""
        self.attempts += 1
        port = self.ports[number % len(self.ports)]
        attempt, fate = Attempt(port, ticket), Fate.AGAIN
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(lambda: attempt, LOOPBACK, port)
            fate, why = await attempt.ended
        except (OSError, TimeoutError) as error:
            why = type(error).__name__
        finally:
            if fate is Fate.IN:
                self._open[number] = attempt
            else:
                attempt.close()
        self.ends[why] += 1
        return fate
