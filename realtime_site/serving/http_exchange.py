"""One HTTP request and its response, as ASGI's `receive` and `send`."""

import asyncio
import logging
from typing import Final, Protocol

from realtime_site.serving.asgi_types import AsgiApplication, Message, Scope
from realtime_site.serving.http_messages import CONTINUE, NO_BODY, Headers, heads
from realtime_site.serving.http_parser import Request

DISCONNECT: Final[Message] = {"type": "http.disconnect"}

logger = logging.getLogger("uvicorn.error")


class Tasks(Protocol):
    """The running tasks."""

    def discard(self, task: "asyncio.Task[None] | None", /) -> None: ...


class Overload(Protocol):
    """Counts the requests whose task has not begun."""

    starting: int


class Connection(Protocol):
    """The part of a connection that an exchange uses."""

    shutting_down: bool

    @property
    def default_headers(self) -> Headers:
        """Headers of every response."""

    def write(self, head: bytes, body: bytes = b"") -> None:
        """Write to the client. Never waits; see `drained`."""

    def update_reading(self) -> None:
        """Called when the application has taken a part of the body."""

    def answered(self, exchange: "Exchange") -> None:
        """Called once, when the whole response has been written."""

    def fail(self, *, begun: bool) -> None:
        """Called if the application has ended without a whole response. `begun` is true if a part was written."""

    async def drained(self) -> None:
        """Wait while too much is buffered for the client."""


class Exchange:
    """A request and its response.

    `complete` is true if the whole request has arrived. `answered` is true if the whole response has been written.
    """

    complete = disconnected = answered = False
    buffered = 0
    _delivered = _written = _chunked = False
    _start: Message | None = None
    _left: int | None = None  # bytes of the content-length not written yet
    _waiter: asyncio.Future[None] | None = None

    def __init__(self, connection: "Connection", request: Request) -> None:
        self._connection = connection
        self.request = request
        self.keep_alive = request.keep_alive
        self._expects_continue = request.expects_continue
        self._parts: list[bytes] = []

    # What the connection calls

    def add_body(self, part: bytes) -> None:
        """Add a part of the body."""
        self._parts.append(part)
        self.buffered += len(part)
        if self._waiter is not None:
            self._wake()

    def end_body(self) -> None:
        """Mark the request as complete."""
        self.complete = True
        self._expects_continue = False
        if self._waiter is not None:
            self._wake()

    def disconnect(self) -> None:
        """End the exchange: nothing more is read or written."""
        self.disconnected = True
        self._wake()

    async def run(
        self, application: AsgiApplication, scope: Scope, tasks: Tasks, overload: Overload | None = None
    ) -> None:
        """Run the application. If it ends without a whole response, answer 500, or cut a response that has begun.

        At the end, the current task removes itself from `tasks`. A done callback would take another loop iteration.
        """
        if overload is not None:
            overload.starting -= 1
        try:
            await application(scope, self.receive, self.send)
        except BaseException as error:  # includes uvicorn's cancellation at the end of its graceful shutdown
            logger.error("Exception in ASGI application", exc_info=error)
        tasks.discard(asyncio.current_task())
        if self.answered or self.disconnected:
            return
        self._connection.fail(begun=self._written)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the application calls

    async def receive(self) -> Message:
        """The body as it arrives, then `http.disconnect` when the client has disconnected or has got its answer."""
        if self._expects_continue:
            self._expects_continue = False
            self._connection.write(CONTINUE)
        while not (self.disconnected or self.answered):
            if self.buffered or (self.complete and not self._delivered):
                return self._taken()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return DISCONNECT

    def _taken(self) -> Message:
        body = self._joined()
        self.buffered = 0
        self._delivered = self.complete
        if not self.complete:
            self._connection.update_reading()
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    def _joined(self) -> bytes:
        body = self.peek_body()
        self._parts.clear()
        return body

    def peek_body(self) -> bytes:
        """The part of the body that has arrived and is not delivered yet."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def take_body(self) -> bytes | None:
        """The body if all of it has arrived; else None. Call it before `receive`, which then waits for a disconnect."""
        if not self.complete or self._delivered or self.disconnected:
            return None
        self.buffered = 0
        self._delivered = True
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def send(self, message: Message) -> None:
        """Write the response. A body in one part is written together with the head.

        Raises RuntimeError for a message out of order, for a header with a line break, and for a body whose length
        differs from its content-length.
        """
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            if self._start is not None:
                raise RuntimeError("http.response.start was sent twice")
            self._start = message
            return
        if self._start is None or self.answered or message["type"] != "http.response.body":
            raise RuntimeError(f"{message['type']} was sent out of order")
        more = message.get("more_body", False)
        self._write(self._start, message.get("body", b""), more=more)
        if more:
            await self._connection.drained()
        else:
            self._end()

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Write the whole response. Raises RuntimeError like `send`, and if a response has begun."""
        if self.disconnected:
            return
        if self._start is not None or self.answered:
            raise RuntimeError("a response has begun")
        head = self._head(status, headers)
        if self._left != len(body) or self._bodiless(status):
            body = self._framed(status, body, more=False)
        self._connection.write(head, body)
        self._end()

    def _end(self) -> None:
        self._written = self.answered = True
        if self._waiter is not None:
            self._wake()
        self._connection.answered(self)

    def _write(self, start: Message, body: bytes, *, more: bool) -> None:
        headers = map(tuple, start.get("headers", ()))  # ASGI allows any pairs
        head = b"" if self._written else self._head(start["status"], headers)
        part = self._framed(start["status"], body, more=more)
        self._written = True
        self._connection.write(head, part)

    def _framed(self, status: int, body: bytes, *, more: bool) -> bytes:
        """The bytes that are sent for a part of the body."""
        if self._bodiless(status):
            return b""
        if self._chunked:
            return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        if self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its content-length")
        return body

    def _bodiless(self, status: int) -> bool:
        return status in NO_BODY or self.request.method == "HEAD"

    def _head(self, status: int, headers: Headers) -> bytes:
        """The status line and the headers. Decides whether the connection is kept."""
        connection = self._connection
        head = heads.of(status, tuple(headers), connection.default_headers)
        self.keep_alive = self.keep_alive and self.complete and not (head.closes or connection.shutting_down)
        self._left = head.length
        if head.length is None and not self._bodiless(status):
            # HTTP/1.0 has no chunks: there, the end of the connection ends the body.
            self._chunked = self.request.version != "1.0"
            self.keep_alive = self.keep_alive and self._chunked
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        return head.lines + (b"transfer-encoding: chunked\r\n" if self._chunked else b"") + end
