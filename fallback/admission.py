"""Decides which clients are accepted while identity is unreachable, by the outage detector and the ticket pool."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fallback.claims.claims import Claims, NoClaims, Result
from fallback.outage import OutageDetector, OutageStatus, Transition
from fallback.tickets import LoadStatus, TicketPool, digest

# The marks in info, meta and data of a connection that was accepted with a fallback ticket.
POOL_MARKS: Final = {"degraded": True, "fallback_path": "pool"}


class PoolAccepted(NamedTuple):
    """A connection was accepted with a fallback ticket."""

    remaining: int
    outage: OutageStatus


class PoolLow(NamedTuple):
    """The number of tickets left has fallen below the low watermark. A pool reports this only once."""

    remaining: int
    low_watermark: int


class PoolEmpty(NamedTuple):
    """A connect was refused in an outage because no tickets are left or none were loaded."""

    status: LoadStatus


Notice = Transition | PoolAccepted | PoolLow | PoolEmpty


class Admitted(NamedTuple):
    """An accepted connection. `expire_at` is in Unix seconds.

    `user` is made from the ticket's digest. So a ticket always has the same user, and the user does not reveal the
    ticket.
    """

    user: str
    expire_at: int
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The fallback of one process. An accepted connection expires after `connect_ttl_s` seconds."""

    detector: OutageDetector
    pool: TicketPool
    pool_status: LoadStatus
    connect_ttl_s: int
    claims: Claims = field(default_factory=NoClaims)

    @property
    def tickets_left(self) -> int:
        """How many tickets this process may still accept: at most the number left in the fleet, if that is known."""
        left, used = len(self.pool), self.claims.used
        return left if used is None else max(0, min(left, self.pool.initial_size - used))

    @property
    def open(self) -> bool:
        """True if a pool is configured and the process is in an outage."""
        return self.pool_status is not LoadStatus.DISABLED and self.detector.degraded

    def holds(self, ticket: str) -> bool:
        """True if the ticket is in the pool and not consumed by this process. Does not consume it."""
        return ticket in self.pool

    def empty_notice(self) -> tuple[PoolEmpty, ...]:
        """The notice for a refused connect: PoolEmpty if the pool is open and has no tickets left, else ()."""
        return (PoolEmpty(self.pool_status),) if self.open and self.tickets_left == 0 else ()

    def low_notice(self) -> tuple[PoolLow, ...]:
        """PoolLow the first time that fewer tickets than the watermark are left, no matter who used them; else ()."""
        left = self.tickets_left
        return (PoolLow(left, self.pool.low_watermark),) if self.pool.crosses_watermark(left) else ()

    def may_consume(self, ticket: str) -> bool:
        """True if the process is in an outage and the ticket is in the pool. The claims may still refuse it."""
        return self.detector.degraded and self.holds(ticket)

    async def admit(self, ticket: str, now: float, wall_now: float) -> Admitted | None:
        """Accept the ticket if the process is in an outage, the pool has it, and the claims allow it; else None.

        `now` is monotonic, `wall_now` is Unix time; both in seconds. The ticket is consumed before the first await, so
        only one of two simultaneous callers can use it. If the outage ends during the claim, the claim still decides.
        """
        if not self.detector.degraded or not self.pool.consume(ticket):
            return None
        if not await self._claimed(ticket):
            return None
        accepted = PoolAccepted(self.tickets_left, self.detector.status(now))
        user, expire_at = f"fallback:{digest(ticket).hex()[:12]}", int(wall_now) + self.connect_ttl_s
        return Admitted(user, expire_at, (accepted, *self.low_notice()))

    async def _claimed(self, ticket: str) -> bool:
        """True if the consumed ticket may be accepted.

        If the claim has no result, the ticket goes back into the pool. A claim has no result if the store did not
        answer and `on_error` is `refuse`, or if the caller hung up. The store may have recorded this claim; then only
        this process can still use the ticket.
        """
        result = Result.ERROR
        try:
            result = await self.claims.claim(digest(ticket))
        finally:  # also runs if the caller hangs up during the claim
            if result is Result.ERROR:
                self.pool.restore(ticket)
        return result in (Result.WON, Result.LOCAL)
