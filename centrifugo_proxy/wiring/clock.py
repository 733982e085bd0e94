"""The real clock. Functions are looked up at each call, so that frozen time is seen."""

import time


class SystemClock:
    """`Clock` of a running service."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()
