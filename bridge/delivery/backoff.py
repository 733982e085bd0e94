"""The wait before a retry. Pure: the random spread is an argument."""

from typing import NamedTuple


class Backoff(NamedTuple):
    """Delays in seconds, which double from `minimum_s` up to `maximum_s`. Each delay then gets a random spread."""

    minimum_s: float
    maximum_s: float

    def delay_s(self, failures: int, spread: float) -> float:
        """The wait in seconds after this many consecutive failures, 1 or more.

        `spread` is a random number from -0.5 to 0.5, so that several processes do not retry at the same time. The wait
        is never longer than `maximum_s`.
        """
        doubled = self.minimum_s * 2.0 ** min(failures - 1, 30)
        return min(self.maximum_s, min(self.maximum_s, doubled) * (1.0 + spread))
