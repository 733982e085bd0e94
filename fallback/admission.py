"""Decides who gets in while identity is unreachable: the outage detector and the ticket pool together."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fallback.claims.claims import Claims, NoClaims, Result
from fallback.outage import OutageDetector, OutageStatus, Transition
from fallback.tickets import LoadStatus, TicketPool, digest

# The marks of a connection that was let in on a fallback ticket, in its info, meta and data.
POOL_MARKS: Final = {"degraded": True, "fallback_path": "pool"}


class PoolAccepted(NamedTuple):
    """A connection got in on a fallback ticket."""

    remaining: int
    outage: OutageStatus


class PoolLow(NamedTuple):
    """Consumption crossed the low watermark; once in the life of a pool."""

    remaining: int
    low_watermark: int


class PoolEmpty(NamedTuple):
    """A connect was refused in an outage because no ticket is left, or none was loaded."""

    status: LoadStatus


Notice = Transition | PoolAccepted | PoolLow | PoolEmpty


class Admitted(NamedTuple):
    """`user` is made from the ticket's digest: always the same for one ticket, which cannot be derived from it."""

    user: str
    expire_at: int
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The fallback of one process: its detector, its pool, its claims, and how long an accepted connection lives."""

    detector: OutageDetector
    pool: TicketPool
    pool_status: LoadStatus
    connect_ttl_s: int
    claims: Claims = field(default_factory=NoClaims)

    @property
    def tickets_left(self) -> int:
        """Tickets that may still get in here: of the process, and no more than the fleet is known to have left."""
        left, used = len(self.pool), self.claims.used
        return left if used is None else max(0, min(left, self.pool.initial_size - used))

    @property
    def open(self) -> bool:
        """Whether the pool decides about tickets now."""
        return self.pool_status is not LoadStatus.DISABLED and self.detector.degraded

    def holds(self, ticket: str) -> bool:
        """Whether the ticket is in the pool and unspent. Does not consume it."""
        return ticket in self.pool

    def empty_notice(self) -> tuple[PoolEmpty, ...]:
        """The notice about a connect that the open pool refused, if no ticket is left."""
        return (PoolEmpty(self.pool_status),) if self.open and self.tickets_left == 0 else ()

    def low_notice(self) -> tuple[PoolLow, ...]:
        """The notice that the tickets left have fallen below the watermark: once, whichever process used them."""
        left = self.tickets_left
        return (PoolLow(left, self.pool.low_watermark),) if self.pool.crosses_watermark(left) else ()

    def may_consume(self, ticket: str) -> bool:
        """Whether `admit` would let this ticket in. Does not consume it."""
        return self.detector.degraded and self.holds(ticket)

    async def admit(self, ticket: str, now: float, wall_now: float) -> Admitted | None:
        """Consume the ticket if the outage is degraded, the pool has it, and it is this process's to use; else None.

        `now` is monotonic, `wall_now` is Unix time; both in seconds. The ticket is consumed before the first await, so
        that of two simultaneous callers one goes on. An outage that ends during the claim changes nothing: the ticket
        is spent.
        """
        if not self.detector.degraded or not self.pool.consume(ticket):
            return None
        if not await self._claimed(ticket):
            return None
        accepted = PoolAccepted(self.tickets_left, self.detector.status(now))
        user, expire_at = f"fallback:{digest(ticket).hex()[:12]}", int(wall_now) + self.connect_ttl_s
        return Admitted(user, expire_at, (accepted, *self.low_notice()))

    async def _claimed(self, ticket: str) -> bool:
        """Whether the consumed ticket may be let in. It goes back into the pool if the store does not say.

        A claim that was recorded without an answer stays this process's: the ticket can be used here, and nowhere else.
        """
        result = Result.ERROR
        try:
            result = await self.claims.claim(digest(ticket))
        finally:  # a caller that hangs up during the claim comes by here too
            if result is Result.ERROR:
                self.pool.restore(ticket)
        return result in (Result.WON, Result.LOCAL)
