"""Clients that connect at the same moment, and connect again after they are refused."""

import asyncio
import random
from dataclasses import dataclass, field
from time import perf_counter

from bench.parts.client import Connection, connect_request, connected
from bench.parts.load import Answers, timed

GIVE_UP_S = 60.0
LEAST_PAUSE_S, MOST_PAUSE_S = 0.5, 20.0


def pause_s(attempt: int) -> float:
    """The pause before the next attempt, like that of Centrifugo's SDKs: a random time from a range that grows.

    https://centrifugal.dev/docs/transports/client_api#client-connection-states
    """
    span_s = min(MOST_PAUSE_S, LEAST_PAUSE_S * 2**attempt)
    return min(MOST_PAUSE_S, LEAST_PAUSE_S + random.uniform(0, span_s))  # noqa: S311


@dataclass
class Storm:
    """Clients that connect to one port. `in_after` has the number of seconds until each client was connected."""

    port: int
    clients: int
    answers: Answers = field(default_factory=Answers)
    in_after: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Runs until every client is connected, but for at most 60 s."""
        started = perf_counter()
        clients = [asyncio.create_task(self._client(number, started)) for number in range(self.clients)]
        _, late = await asyncio.wait(clients, timeout=GIVE_UP_S)
        for task in late:
            task.cancel()

    async def _client(self, number: int, started: float) -> None:
        connection: Connection | None = None
        attempt = 0
        while True:
            connection = connection or await self._connected()
            status = await timed(connection, connect_request(f"ticket-{number}"), self.answers) if connection else 0
            if status == 200:
                break
            if connection and not status:
                connection.close()
                connection = None
            await asyncio.sleep(pause_s(attempt))
            attempt += 1
        self.in_after.append(perf_counter() - started)
        if connection:
            connection.close()

    async def _connected(self) -> Connection | None:
        started = perf_counter()
        try:
            return await connected(self.port)
        except OSError:
            self.answers.add(0, perf_counter() - started)
            return None
