"""The two ends of a tunnelled connection. tunnel.py handles the CONNECT request."""

import asyncio
from collections.abc import Callable
from typing import cast


class Piped(asyncio.Protocol):
    """One end of a tunnelled connection. It forwards what it receives to the other end."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Piped | None = None

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class PeerSide(Piped):
    """The TLS side. Until `join`, it buffers what the peer sends. `join` is called after the check of the peer's ID."""

    def __init__(self) -> None:
        super().__init__()
        self.on_lost: Callable[[], None] = lambda: None
        self._early: list[bytes] = []
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self.on_lost()
        super().connection_lost(exc)

    def join(self, other: Piped) -> None:
        """Forward the data that has arrived, and all data that arrives later."""
        self.other = other
        for data in self._early:
            super().data_received(data)
        self._early.clear()
        if self._lost:
            super().connection_lost(None)
        elif self.transport is not None:
            self.transport.resume_reading()
