"""The system clock. It looks up the time functions at each call, so that tests can freeze them."""

import time


class SystemClock:
    """`Clock` of a running service."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()
