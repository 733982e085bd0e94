"""How many requests are worked on at once."""

from dataclasses import dataclass


@dataclass(slots=True)
class Capacity:
    """A counter with a limit; what is above it is turned away, nothing queues."""

    limit: int
    taken: int = 0

    def enter(self) -> bool:
        """Take a place; False when there is none."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self.taken -= 1
