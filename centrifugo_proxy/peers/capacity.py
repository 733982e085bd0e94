"""A limit on concurrent work."""

from dataclasses import dataclass


@dataclass(slots=True)
class Capacity:
    """A fixed limit, which can be used instead of an `AdaptiveLimit`. There is no queue: at the limit, `enter` refuses.

    `overstaying` is always 0, because a fixed limit is never lowered.
    """

    limit: int
    taken: int = 0
    overstaying: int = 0

    def enter(self, waited_s: float = 0.0) -> bool:
        """Take a slot. False if all slots are taken. A fixed limit ignores how long the request has waited."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        return True

    def leave(self, latency_s: float | None = None) -> None:
        """Release the slot. A fixed limit ignores the latency."""
        self.taken -= 1

    def refused_by_part(self) -> None:
        """Does nothing: a fixed limit does not grow."""
