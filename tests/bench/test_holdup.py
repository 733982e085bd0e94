"""The measurement of what holds up the event loop."""

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from bench.holdup import held_up_ms


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def test_a_delay_is_measured_in_full(run: Callable[..., list[float]]) -> None:
    async def block() -> None:
        time.sleep(0.02)  # noqa: ASYNC251

    delays = run(held_up_ms(block, 2))

    assert len(delays) == 2
    assert min(delays) >= 20
