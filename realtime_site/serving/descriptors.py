"""Refuses connections before the process runs out of file descriptors.

If the process runs out, uvloop accepts connections and closes them silently, and calls to identity fail because they
cannot open a socket.
"""

import logging
import resource
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from centrifugo_proxy.telemetry import metrics

# How many descriptors stay free: for gRPC, for files, and for connections that are accepted before they are refused.
# There can be as many such connections as the event loop accepts in two iterations (common/listeners.py). If fewer than
# twice this number of descriptors are free at first, half of the free descriptors stay free.
RESERVED: Final = 64

logger = logging.getLogger("realtime_site.serving")


@dataclass(slots=True)
class DescriptorLimit:
    """The limit of the process (`ulimit -n`).

    The system assigns the lowest free number, so a connection with a high number shows that few descriptors are left.
    """

    limit: int
    _highest: int | None = None

    def reached(self, number: int) -> bool:
        """True if a connection with this descriptor must be refused."""
        if self._highest is None:
            self._highest = self.limit - min(RESERVED, (self.limit - number) // 2)
        return number >= self._highest

    def refuse(self) -> None:
        """Count and log a refused connection; the log's flood filter passes one line in 30 seconds."""
        metrics.connections_refused[metrics.FILE_DESCRIPTORS].inc()
        logger.error(
            "out of file descriptors, connections are refused; raise the limit of open files or close idle clients",
            extra={"limit": self.limit},
        )


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard limit. Returns the new limit.

    The soft limit is often 1024, for programs that use select(). This service does not use select().
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS refuses an unlimited number
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    return soft


descriptor_limit = DescriptorLimit(raise_limit())
