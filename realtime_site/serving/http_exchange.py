"""One HTTP request and its response, as ASGI's `receive` and `send`."""

import asyncio
import logging
from typing import Final, Protocol

from realtime_site.serving.asgi_types import AsgiApplication, Message, Scope
from realtime_site.serving.http_messages import CONTINUE, NO_BODY, status_line
from realtime_site.serving.http_parser import Headers, Request

DISCONNECT: Final[Message] = {"type": "http.disconnect"}

logger = logging.getLogger("uvicorn.error")


class Connection(Protocol):
    """The connection, as an exchange uses it."""

    shutting_down: bool

    @property
    def default_headers(self) -> Headers:
        """Headers of every response."""

    def write(self, head: bytes, body: bytes = b"") -> None: ...

    def update_reading(self) -> None:
        """Called when the application has taken a part of the body."""

    def answered(self, exchange: "Exchange") -> None: ...

    def fail(self, *, begun: bool) -> None: ...

    async def drained(self) -> None: ...


class Exchange:
    """A request and its response. `complete`: the whole request has arrived. `answered`: the response is written."""

    __slots__ = (
        "_chunked",
        "_connection",
        "_delivered",
        "_expects_continue",
        "_left",
        "_parts",
        "_start",
        "_waiter",
        "_written",
        "answered",
        "buffered",
        "complete",
        "disconnected",
        "keep_alive",
        "scope",
    )

    def __init__(self, connection: "Connection", scope: Scope, request: Request) -> None:
        self._connection = connection
        self.scope = scope
        self.keep_alive = request.keep_alive
        self._expects_continue = request.expects_continue
        self._parts: list[bytes] = []
        self.buffered = 0
        self.complete = self._delivered = False
        self.disconnected = False
        self._start: Message | None = None
        self._written = self._chunked = False
        self._left: int | None = None  # bytes of the content-length not written yet
        self.answered = False
        self._waiter: asyncio.Future[None] | None = None

    # What the connection calls

    def add_body(self, part: bytes) -> None:
        """Add a part of the body."""
        self._parts.append(part)
        self.buffered += len(part)
        self._wake()

    def end_body(self) -> None:
        """Mark the request as complete."""
        self.complete = True
        self._expects_continue = False
        self._wake()

    def disconnect(self) -> None:
        """Mark the client as gone: nothing more is read or written."""
        self.disconnected = True
        self._wake()

    async def run(self, application: AsgiApplication) -> None:
        """Run the application. If it fails, the answer is 500, or the connection is cut if a response has begun."""
        try:
            await application(self.scope, self.receive, self.send)
        except BaseException as error:  # includes uvicorn's cancellation at the end of its graceful shutdown
            logger.error("Exception in ASGI application", exc_info=error)
        if self.answered or self.disconnected:
            return
        self._connection.fail(begun=self._written)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the application calls

    async def receive(self) -> Message:
        """The body as it arrives, then `http.disconnect` when the client is gone or has its answer."""
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
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self.buffered = 0
        self._delivered = self.complete
        if not self.complete:
            self._connection.update_reading()
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    async def send(self, message: Message) -> None:
        """Write the response. A body in one part is written together with the head."""
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
            self.answered = True
            self._wake()
            self._connection.answered(self)

    def _write(self, start: Message, body: bytes, *, more: bool) -> None:
        head = b"" if self._written else self._head(start, more=more)
        self._written = True
        if self.scope["method"] == "HEAD" or start["status"] in NO_BODY:
            body = b""
        elif self._chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the body is not as long as its content-length")
        self._connection.write(head, body)

    def _head(self, start: Message, *, more: bool) -> bytes:
        """The status line and the headers. Decides whether the connection is kept."""
        status, lines, framed = start["status"], [status_line(start["status"])], False
        self.keep_alive = self.keep_alive and self.complete and not self._connection.shutting_down
        for name, value in (*self._connection.default_headers, *start.get("headers", ())):
            lower = name.lower()
            if lower == b"connection":
                self.keep_alive = self.keep_alive and b"close" not in value.lower()
                continue
            if lower == b"content-length":
                self._left, framed = int(value), True
            lines.append(b"%b: %b\r\n" % (lower, value))
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if not framed and status not in NO_BODY and self.scope["method"] != "HEAD":
            self._chunked = True  # not in HTTP/1.0, but our responses have a length
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines):
            raise RuntimeError("a header of the response has a line break in it")
        return head
