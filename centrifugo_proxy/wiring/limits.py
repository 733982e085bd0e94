"""The limit of requests in flight: chosen by the settings, and adapted while the service runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from centrifugo_proxy.peers.capacity import Capacity
from common.adaptive_limit import AdaptiveLimit
from common.background import in_background

if TYPE_CHECKING:
    from django.conf import LazySettings

ADAPT_EVERY_S: Final = 0.05
HEALTHY_LAG_S: Final = 0.05
# The Centrifugo timeout for connect in the generated configuration is at least identity's deadline plus half a second.
# Answers must arrive before the caller gives up, so a healthy answer takes at most half of the deadline.
HEALTHY_SHARE: Final = 0.5
# A request that has waited for more than this share of the deadline is refused. The rest of the deadline, and the half
# second, are left for the answer.
PATIENT_SHARE: Final = 0.8
# An eighth of the slots, rounded down, is reserved for connects. Otherwise session events that wait for one hanging
# service could take every slot, while identity would answer every connect.
RESERVED_DIVISOR: Final = 8


def build_limit(settings: "LazySettings") -> Capacity | AdaptiveLimit:
    """A fixed limit, or one that adapts to what this process can answer in time."""
    if settings.PROXY_MAX_INFLIGHT:
        return Capacity(settings.PROXY_MAX_INFLIGHT)
    deadline_s = settings.IDENTITY_VALIDATE_DEADLINE_MS / 1000
    return AdaptiveLimit(
        lag_s=HEALTHY_LAG_S, latency_s=deadline_s * HEALTHY_SHARE, patience_s=deadline_s * PATIENT_SHARE
    )


@dataclass(slots=True)
class SessionSlots:
    """The part of a limit that session events may take: all slots except those that are reserved for connects."""

    whole: Capacity | AdaptiveLimit
    taken: int = 0

    def enter(self, waited_s: float = 0.0) -> bool:
        """Take a slot of the whole; False if it refuses, or if session events have taken their part."""
        limit = int(self.whole.limit)
        if self.taken >= limit - limit // RESERVED_DIVISOR:
            self.whole.refused_by_part()
            return False
        entered = self.whole.enter(waited_s)
        self.taken += entered
        return entered

    def leave(self, latency_s: float) -> None:
        """Release the slot; `latency_s` is the time for which the request was handled, in seconds."""
        self.taken -= 1
        self.whole.leave(latency_s)


@asynccontextmanager
async def adapting(limit: Capacity | AdaptiveLimit) -> AsyncIterator[None]:
    """Adjusts an adaptive limit every ADAPT_EVERY_S seconds; leaves a fixed one as it is."""
    if not isinstance(limit, AdaptiveLimit):
        yield
        return
    async with in_background(_tick(limit)):
        yield


async def _tick(limit: AdaptiveLimit) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + ADAPT_EVERY_S
        await asyncio.sleep(ADAPT_EVERY_S)
        limit.tick(max(0.0, loop.time() - due))
