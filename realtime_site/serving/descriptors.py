"""Refuses connections before the process runs out of file descriptors.

Otherwise uvloop accepts and closes connections silently, and calls to identity fail because no socket can be opened.
"""

import logging
import resource
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from centrifugo_proxy.telemetry import metrics

# Descriptors kept free for gRPC, files, and the connections of two turns of the event loop (common/listeners.py), which
# are accepted before they are refused. Half of the free ones, if that is less.
RESERVED: Final = 64

logger = logging.getLogger("realtime_site.serving")


@dataclass(slots=True)
class DescriptorLimit:
    """The process's limit (`ulimit -n`). The system assigns the lowest free number: a high one means few are left."""

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
    """Raise the soft limit of open files to the hard one. Returns the limit.

    The soft limit is often 1024, for programs that use select(). Servers that do not may raise it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS refuses an unlimited number
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    return soft


descriptor_limit = DescriptorLimit(raise_limit())
