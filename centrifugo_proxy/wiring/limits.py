"""The limit of requests in flight: chosen by the settings, and adapted while the service runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.session_slots import SessionSlots
from common.adaptive_limit import AdaptiveLimit
from common.background import in_background

if TYPE_CHECKING:
    from django.conf import LazySettings

ADAPT_EVERY_S: Final = 0.05
HEALTHY_LAG_S: Final = 0.05
# In the generated configuration, Centrifugo's timeout for connect is at least identity's deadline plus half a second.
# Answers must arrive before Centrifugo gives up, so their mean latency must not exceed half of the deadline.
HEALTHY_SHARE: Final = 0.5
# A request that has waited for more than this share of the deadline is refused. The rest of the deadline and the half
# second remain for the answer.
PATIENT_SHARE: Final = 0.8


def build_session_slots(settings: "LazySettings") -> SessionSlots:
    """The limit of requests in flight, and the part of it for session events."""
    return SessionSlots(_build_limit(settings))


def _build_limit(settings: "LazySettings") -> Capacity | AdaptiveLimit:
    """A fixed limit, or a limit that adapts to the number of requests that this process can answer in time."""
    if settings.PROXY_MAX_INFLIGHT:
        return Capacity(settings.PROXY_MAX_INFLIGHT)
    deadline_s = settings.IDENTITY_VALIDATE_DEADLINE_MS / 1000
    return AdaptiveLimit(
        lag_s=HEALTHY_LAG_S, latency_s=deadline_s * HEALTHY_SHARE, patience_s=deadline_s * PATIENT_SHARE
    )


@asynccontextmanager
async def adapting(slots: SessionSlots) -> AsyncIterator[None]:
    """Adjusts an adaptive limit every ADAPT_EVERY_S seconds until the context ends. A fixed limit stays as it is."""
    if not isinstance(slots.whole, AdaptiveLimit):
        yield
        return
    async with in_background(_tick(slots.whole, slots)):
        yield


async def _tick(limit: AdaptiveLimit, slots: SessionSlots) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + ADAPT_EVERY_S
        await asyncio.sleep(ADAPT_EVERY_S)
        before = limit.limit
        limit.tick(max(0.0, loop.time() - due), unmeasured=slots.taken)
        if limit.limit < before:
            slots.limit_was_cut()
