"""Who gets in while identity is away: the outage detector and the ticket pool, as one decision."""

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


Notice = Transition | PoolAccepted | PoolLow


class Admitted(NamedTuple):
    """`user` is made from the ticket's digest: stable, and no way back to the ticket."""

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

    def open(self, now: float) -> bool:
        """Whether the pool decides about tickets at `now`."""
        return self.pool_status is not LoadStatus.DISABLED and self.detector.degraded(now)

    def may_consume(self, ticket: str, now: float) -> bool:
        """Whether `admit` would let this ticket in; changes nothing."""
        return self.detector.degraded(now) and ticket in self.pool

    def admit(self, ticket: str, now: float, wall_now: float) -> Admitted | None:
        """Consume the ticket if the outage is degraded and the pool has it; else None.

        `now` is monotonic, `wall_now` is Unix time; both in seconds.
        """
        if not self.detector.degraded(now):
            return None
        consumed = self.pool.consume(ticket)
        if consumed is None:
            return None
        notices: tuple[Notice, ...] = (PoolAccepted(consumed.remaining, self.detector.status(now)),)
        if consumed.crossed_watermark:
            notices += (PoolLow(consumed.remaining, self.pool.low_watermark),)
        return Admitted(f"fallback:{digest(ticket).hex()[:12]}", int(wall_now) + self.connect_ttl_s, notices)
