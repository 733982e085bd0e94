"""Contacts the store regularly, to detect a broken store before its answers are needed, and to notice its recovery."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from common.background import in_background
from fallback.claims.claims import SharedClaims

TICK_S: Final = 1.0  # time between contacts while the store is down or claims are unsent
TICKS: Final = 10  # ticks between contacts in normal operation
SENT_A_TICK: Final = 100


@asynccontextmanager
async def keeping(
    claims: SharedClaims, contacted: Callable[[], None], tick_s: float = TICK_S
) -> AsyncIterator[SharedClaims]:
    """Contact the store while the context lasts, then close it. `contacted` is called after each contact."""
    try:
        async with in_background(_keep(claims, contacted, tick_s)):
            yield claims
    finally:
        await claims.store.close()


async def _keep(claims: SharedClaims, contacted: Callable[[], None], tick_s: float) -> None:
    idle = TICKS
    while True:
        idle += 1
        if idle > TICKS or not claims.gate.open or claims.unsent:
            idle = 1
            if await claims.contact():
                await claims.send_unsent(SENT_A_TICK)
            contacted()
        await asyncio.sleep(tick_s)
