"""Centrifugo keeps its connections to the service open, and uses them again after a quiet night."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.rest import CLIENTS, Rested, burst

SOCKETS = Path("/proc/net/tcp")  # https://docs.kernel.org/networking/proc_net_tcp.html
ESTABLISHED = "01"
REST_S = 31.0


@pytest.mark.skipif(not SOCKETS.exists(), reason="needs Linux, to see which connections are open")
async def test_after_half_a_minute_of_rest_clients_get_in_over_the_same_connections(rested: Rested) -> None:
    used = peers_of(rested.stack.service.port)
    await asyncio.sleep(rested.since + REST_S - time.monotonic())
    kept = peers_of(rested.stack.service.port)

    answers = await burst(rested.stack)

    assert all("connect" in answer for answer in answers)
    assert len(kept) >= CLIENTS
    assert used == kept == peers_of(rested.stack.service.port)


def peers_of(port: int) -> set[str]:
    """The other ends of the connections to this loopback port."""
    rows = [line.split() for line in SOCKETS.read_text().splitlines()[1:]]
    return {peer for _, local, peer, state, *_ in rows if local.endswith(f":{port:04X}") and state == ESTABLISHED}
