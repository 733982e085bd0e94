"""How long to wait before trying again. Pure: the random spread is an argument."""

from typing import NamedTuple


class Backoff(NamedTuple):
    """Delays that double from `minimum_s` to `maximum_s`, in seconds."""

    minimum_s: float
    maximum_s: float

    def delay_s(self, failures: int, spread: float) -> float:
        """The wait after this many failures in a row, from 1. `spread` in -0.5…0.5 keeps processes apart.

        Never more than `maximum_s`, so that the end of an outage is noticed within that time.
        """
        doubled = self.minimum_s * 2.0 ** min(failures - 1, 30)
        return min(self.maximum_s, min(self.maximum_s, doubled) * (1.0 + spread))
