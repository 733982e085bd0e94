"""Centrifugo keeps idle connections to the service and uses them again."""

import asyncio

import pytest

from tests.e2e.rest import CLIENTS, SOCKETS, Rested


@pytest.mark.skipif(not SOCKETS.exists(), reason="needs Linux, to see which connections are open")
async def test_after_half_a_minute_without_requests_centrifugo_uses_the_same_connections(
    resting: asyncio.Task[Rested],
) -> None:
    answers, used, kept, used_again = await resting

    assert all("connect" in answer for answer in answers)
    assert len(kept) >= CLIENTS
    assert used == kept == used_again
