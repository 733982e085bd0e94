"""Watches the clients of open requests, without a task or a timer for each.

One timer checks all open requests every 50 ms. If a request is older than 50 ms and its body has been read, it gets a
task that waits for `http.disconnect` from the server. Most requests are answered before that. The reasons are in
docs/design/watching-for-disconnects.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from realtime_site.serving.asgi_types import Message, Receive

CHECK_EVERY_S: Final = 0.05
# The number of loop iterations until the listener of a closed socket wakes: one each for the poll, the end of file, the
# lost connection and the event, and one more to be safe.
TURNS: Final = 5
BODY_TIMEOUT_S: Final = 10.0

# The server's extension CLIENT_LEFT: True if it is certain that the client has stopped both sending and reading.
HasLeft = Callable[[], Awaitable[bool]]
# The server's extension WAITED: seconds since the request arrived at this host.
Waited = Callable[[], float]


async def _ended() -> Message:
    """Replaces `receive` once the request has ended."""
    return {"type": "http.disconnect"}


def not_known() -> float:
    """Replaces WAITED for a server that does not have the extension."""
    return 0.0


class AsgiCaller:
    """The client of a request: whether it is too slow, and whether it has hung up."""

    __slots__ = ("_has_left", "_listener", "_receive", "_task", "hung_up", "reading", "since", "too_slow", "waited_s")

    def __init__(
        self,
        receive: Receive,
        task: "asyncio.Task[Any] | None",
        since: float,
        has_left: HasLeft | None = None,
        waited_s: Waited = not_known,
    ) -> None:
        self._receive = receive
        self._has_left = has_left
        self._task = task
        self._listener: asyncio.Task[None] | None = None
        self.since = since
        self.waited_s = waited_s
        self.reading = True
        self.too_slow = False
        self.hung_up = False

    async def gone(self) -> bool:
        """True if the client has hung up, as far as the socket shows.

        Call this only after the body has been read. A hang-up may cancel the request before this method returns.
        """
        if self._has_left is not None:
            return self.hung_up or await self._has_left()
        listener = self._listen()
        for _ in range(TURNS):
            await asyncio.sleep(0)
            if listener.done():
                return True
        return False

    def check(self, now: float) -> None:
        """Cancel the request if its body is too slow. Once the body has been read, begin to wait for a hang-up."""
        if self.reading:
            if now - self.since > BODY_TIMEOUT_S and not self.too_slow:
                self.too_slow = True
                self._cancel()
        elif self._listener is None and now - self.since >= CHECK_EVERY_S:
            self._listen()

    def absorb_cancellation(self) -> None:
        """Take back a cancellation by this object, so that the task can continue."""
        self.reading = False
        if self._task is not None:
            self._task.uncancel()

    def close(self) -> None:
        """Stop watching: the request has ended. Releases the request, which refers to this object."""
        self._task = None
        self._receive = _ended
        self._has_left, self.waited_s = None, not_known
        if self._listener is not None:
            self._listener.cancel()
            self._listener = None  # a reference cycle: its exception refers to its frames, which refer to this object

    def _listen(self) -> "asyncio.Task[None]":
        if self._listener is None:
            self._listener = asyncio.create_task(self._wait_for_disconnect())
            self._listener.add_done_callback(self._on_disconnect)
        return self._listener

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _on_disconnect(self, listener: "asyncio.Task[None]") -> None:
        if not listener.cancelled() and listener.exception() is None:
            self.hung_up = True
            self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Watch:
    """The open requests of an event loop. They are checked every CHECK_EVERY_S seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open: dict[AsgiCaller, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, receive: Receive, has_left: HasLeft | None = None, waited_s: Waited = not_known) -> AsgiCaller:
        """Begin to watch the client of the current task's request. `leave` must follow."""
        caller = AsgiCaller(receive, asyncio.current_task(self._loop), self._loop.time(), has_left, waited_s)
        self._open[caller] = None
        if self._timer is None:
            self._timer = self._loop.call_later(CHECK_EVERY_S, self._check)
        return caller

    def leave(self, caller: AsgiCaller) -> None:
        """Stop watching the client of a request that has ended."""
        del self._open[caller]
        caller.close()

    def _check(self) -> None:
        self._timer = self._loop.call_later(CHECK_EVERY_S, self._check) if self._open else None
        now = self._loop.time()
        for caller in tuple(self._open):
            caller.check(now)
