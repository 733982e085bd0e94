"""Sends connects with fallback tickets during an outage of identity."""

import asyncio
import json
import urllib.request
from time import perf_counter

from bench.parts.client import connect_request, connected
from bench.parts.load import Answers, send_until
from bench.parts.processes import LOOPBACK, BenchError

DEGRADED_S = 30.0


async def degraded(port: int) -> None:
    """Send connects until /health reports that an outage has opened the pool. Raises BenchError after DEGRADED_S."""
    until = perf_counter() + DEGRADED_S
    connection = await connected(port)
    while not await asyncio.to_thread(_is_degraded, port):
        if perf_counter() > until:
            raise BenchError(f"The service is not degraded after {DEGRADED_S:.0f} s of an outage of identity.")
        await connection.exchange(connect_request("no-ticket-of-the-pool"))
        await asyncio.sleep(0.05)
    connection.close()


def _is_degraded(port: int) -> bool:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health", timeout=5) as response:
        return bool(json.load(response)["identity_outage"]["degraded"])


async def trickle(port: int, tickets: list[str], connections: int, seconds: float) -> Answers:
    """Send a connect for each ticket, one at a time on each connection. Stop after `seconds`."""
    answers, requests = Answers(), map(connect_request, tickets)
    until = perf_counter() + seconds
    callers = [await connected(port) for _ in range(connections)]
    await asyncio.gather(*(send_until(until, caller, requests, answers) for caller in callers))
    return answers
