"""uvicorn's HTTP protocol with bounds on the head of a request, for which it has none.

Nothing is added to a request whose head comes in one piece but a look at whether it did.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 32 * 1024
HEAD_S: Final = 10.0
TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """Closes a connection that is silent from the start, or whose head is too large or too slow."""

    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # As if a request had been answered: Go may open a connection and have no use for it until later.
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, never more at once than a head may have."""
        while len(data) > (room := HEAD_BYTES - self._head_bytes):
            self._feed(data[:room])
            if self.transport.is_closing():
                return
            data = data[room:]
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        super().data_received(data)
        if self.scope is None or "method" not in self.scope:  # uvicorn writes it once the head is whole
            self._head_goes_on(len(data))
        elif self._head_timer is not None:
            self._head_is_over()

    def _head_goes_on(self, more: int) -> None:
        self._head_bytes += more
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)
        if self._head_bytes >= HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def _head_is_over(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
