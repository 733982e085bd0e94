"""Waits for conditions, so that tests do not depend on the speed of the machine. `lag` blocks the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Final

PATIENCE_S: Final = 20.0
LOOK_EVERY_S: Final = 0.005


async def until(condition: Callable[[], object | Awaitable[object]], within_s: float = PATIENCE_S) -> None:
    """Wait until the condition, which may be async, is true. Raises TimeoutError after `within_s` seconds."""
    async with asyncio.timeout(within_s):
        while not await _value(condition()):
            await asyncio.sleep(LOOK_EVERY_S)


async def _value(seen: object | Awaitable[object]) -> object:
    return await seen if isawaitable(seen) else seen


def lag() -> None:
    """Block the event loop for longer than the adaptive limit allows."""
    end = asyncio.get_running_loop().time() + 0.2
    while asyncio.get_running_loop().time() < end:
        pass
