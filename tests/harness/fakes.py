"""Fakes for the tests of pure logic."""

from dataclasses import dataclass


@dataclass
class FakeClock:
    """A clock whose monotonic and wall time change only when a test changes them."""

    now: float = 1000.0
    wall: float = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall

    def advance(self, seconds: float) -> None:
        """Advance both times."""
        self.now += seconds
        self.wall += seconds
