"""A limit on concurrent work."""

from dataclasses import dataclass


@dataclass(slots=True)
class Capacity:
    """A counter with a limit. Nothing queues: at the limit, `enter` refuses.

    `overstaying` stays 0: nothing cuts a fixed limit.
    """

    limit: int
    taken: int = 0
    overstaying: int = 0

    def enter(self, waited_s: float = 0.0) -> bool:
        """Take a slot; False if all are taken. A fixed limit ignores how long the request has waited."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        return True

    def leave(self, latency_s: float | None = None) -> None:
        """Release the slot; a fixed limit ignores the latency."""
        self.taken -= 1

    def refused_by_part(self) -> None:
        """A fixed limit does not grow after a refusal by a part of it."""
