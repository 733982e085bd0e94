"""Notices that the client of an ASGI request has hung up, without a task for every request."""

import asyncio
from typing import Final

from realtime_site.asgi_types import Receive

# Most answers are there sooner, and then no watching task was ever made.
WATCH_AFTER_S: Final = 0.05


class AsgiCaller:
    """The client at the other end of `receive`, once its request's body has been read."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._listener: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.hung_up = False

    async def gone(self) -> bool:
        """Whether the server knows by now that the connection is closed."""
        listener = self._listen()
        await asyncio.sleep(0)
        return listener.done()

    def watch(self, task: "asyncio.Task[object]") -> None:
        """From WATCH_AFTER_S on, cancel `task` when the client hangs up."""
        self._timer = task.get_loop().call_later(WATCH_AFTER_S, self._cancel_on_hang_up, task)

    def unwatch(self) -> None:
        """No longer; must follow `watch`."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()

    def _cancel_on_hang_up(self, task: "asyncio.Task[object]") -> None:
        def hang_up(listener: asyncio.Task[None]) -> None:
            if not listener.cancelled():
                self.hung_up = True
                task.cancel()

        self._listen().add_done_callback(hang_up)

    def _listen(self) -> asyncio.Task[None]:
        if self._listener is None:
            self._listener = asyncio.create_task(self._wait_for_disconnect())
        return self._listener

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
