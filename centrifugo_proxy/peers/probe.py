"""Calls identity in the background while clients' calls fail, so that the outage detector stays up to date."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from centrifugo_proxy.peers.identity import (
    IdentityClient,
    IdentityFault,
    IdentityInterrupted,
    IdentityUnavailable,
    ValidateQuery,
)
from fallback.outage import OutageDetector, Transition

TICKET_PREFIX: Final = "probe-"
TICKET_BYTES: Final = 32
MOST_AT_ONCE: Final = 4
# The outcomes of a probe, which are values of a metric label. `other` is a bug, or a status that is no evidence of an
# outage.
OUTCOMES: Final = ("answered", "failed", "other")


class Probed(NamedTuple):
    """The result of one probe.

    `status` is the gRPC status name of a failed probe, otherwise "". `fault` is the exception if the cause is a bug.
    """

    outcome: str
    status: str = ""
    transition: Transition | None = None
    fault: Exception | None = None


Report = Callable[[Probed], None]


@dataclass(frozen=True, slots=True)
class IdentityProbe:
    """Validates a made-up ticket every `interval_s` while a streak of failures lasts.

    A probe does not wait for earlier probes that hang, so that the return of identity is noticed within an interval. It
    waits only while MOST_AT_ONCE probes are in flight.
    If a client's call has failed since the last answered probe, the next interval has two probes, one after the other.
    So if every second call to identity fails, one of the two probes fails.
    `wake` starts the probing, which ends when the streak ends. `report` is called after each probe.
    """

    identity: IdentityClient
    detector: OutageDetector
    monotonic: Callable[[], float]
    interval_s: float
    report: Report
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Start probing, if probing is on and has not started yet."""
        self._awake.set()

    async def run(self) -> None:
        """Probe until cancelled."""
        async with asyncio.TaskGroup() as probes:
            while True:
                await self._awake.wait()
                await self._probe_while_failing(probes)
                self._awake.clear()

    async def _probe_while_failing(self, probes: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.interval_s
        room = asyncio.Semaphore(MOST_AT_ONCE)
        while self.detector.failing:
            await asyncio.sleep(due - loop.time())
            due = max(due, loop.time()) + self.interval_s
            await room.acquire()
            probes.create_task(self._probe_if_failing()).add_done_callback(lambda _: room.release())

    async def _probe_if_failing(self) -> None:
        again = self.detector.contradicted
        if self.detector.failing:
            await self.probe_once()
        if again and self.detector.failing:
            await self.probe_once()

    async def probe_once(self) -> None:
        """Make one probe. The detector records its result, and `report` gets it."""
        self.report(await self._probed())

    async def _probed(self) -> Probed:
        call = self.detector.call_started()
        ticket = TICKET_PREFIX + secrets.token_urlsafe(TICKET_BYTES)
        try:
            await self.identity.validate(ValidateQuery(ticket, client="", transport="", protocol=""))
        except IdentityUnavailable as unavailable:
            return Probed("failed", str(unavailable), self.detector.probe_failed(call, self.monotonic()))
        except (IdentityInterrupted, IdentityFault):
            return Probed("other")
        except Exception as fault:  # the probing must go on: without probes, an outage might never end
            return Probed("other", fault=fault)
        return Probed("answered", "", self.detector.probe_answered(call, self.monotonic()))
