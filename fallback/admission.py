"""Who gets in while identity is unreachable: the outage detector and the ticket pool, as one decision."""

from dataclasses import dataclass
from typing import Final, NamedTuple

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
    """A connect was turned away in an outage because no ticket is left, or none was loaded."""

    status: LoadStatus


Notice = Transition | PoolAccepted | PoolLow | PoolEmpty


class Admitted(NamedTuple):
    """`user` is made from the ticket's digest: the same for the same ticket, and without a way back to it."""

    user: str
    expire_at: int
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The fallback of one process: its detector, its pool, and how long an accepted connection lives."""

    detector: OutageDetector
    pool: TicketPool
    pool_status: LoadStatus
    connect_ttl_s: int

    @property
    def open(self) -> bool:
        """Whether the pool decides about tickets now."""
        return self.pool_status is not LoadStatus.DISABLED and self.detector.degraded

    def holds(self, ticket: str) -> bool:
        """Whether the ticket is in the pool, unspent; changes nothing."""
        return ticket in self.pool

    def empty_notice(self) -> tuple[PoolEmpty, ...]:
        """What an operator should hear of a connect that the open pool turned away."""
        return (PoolEmpty(self.pool_status),) if self.open and len(self.pool) == 0 else ()

    def may_consume(self, ticket: str) -> bool:
        """Whether `admit` would let this ticket in; changes nothing."""
        return self.detector.degraded and self.holds(ticket)

    def admit(self, ticket: str, now: float, wall_now: float) -> Admitted | None:
        """Consume the ticket if the outage is degraded and the pool has it; else None.

        `now` is monotonic, `wall_now` is Unix time; both in seconds.
        """
        if not self.detector.degraded:
            return None
        consumed = self.pool.consume(ticket)
        if consumed is None:
            return None
        notices: tuple[Notice, ...] = (PoolAccepted(consumed.remaining, self.detector.status(now)),)
        if consumed.crossed_watermark:
            notices += (PoolLow(consumed.remaining, self.pool.low_watermark),)
        return Admitted(f"fallback:{digest(ticket).hex()[:12]}", int(wall_now) + self.connect_ttl_s, notices)
