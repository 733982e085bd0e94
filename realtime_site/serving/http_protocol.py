"""The protocol class for uvicorn's `http` option: HTTP/1.1 on one connection.

It answers requests one at a time and in order. It limits the size and the time of a head, and the buffered part of a
body. It releases a connection as soon as the connection ends. docs/design/http-protocol.md explains why it replaces
uvicorn's own class.
"""

import asyncio
import logging
import threading
from collections import deque
from time import perf_counter
from typing import Any, Final

from uvicorn import Config
from uvicorn.server import ServerState

from realtime_site.serving import half_closed
from realtime_site.serving.asgi_types import CLIENT_LEFT, HAS_TRACEPARENT, RESPOND, TAKE_BODY, WAITED, Scope
from realtime_site.serving.deadline import Deadline
from realtime_site.serving.descriptors import descriptor_limit
from realtime_site.serving.http_exchange import Exchange
from realtime_site.serving.http_messages import Headers, error_response
from realtime_site.serving.http_parser import Refused, Request, RequestParser
from realtime_site.serving.known_heads import KnownHead, known_heads
from realtime_site.serving.overload import OVERLOAD, Overload
from realtime_site.serving.socket_state import CLOSE_WAIT, CLOSED, socket_state, unread_bytes

HEAD_S: Final = 10.0
LINGER_S: Final = 1.0  # after an early answer, read and drop input for this long: a reset would lose the answer
FLUSH_S: Final = 10.0  # time for a client to read its last answer
DRAIN_S: Final = 1.0  # at shutdown, time for an idle connection to send another request
HALF_CLOSED_S: Final = 0.1  # time from a FIN to the check whether the client has closed or waits
READ_BYTES: Final = 16 * 1024  # the most that is read at once; more would block the event loop for too long
WRITE_BYTES: Final = 16 * 1024  # while more bytes of answers than this are buffered, no further request is answered
PIECE_BYTES: Final = 1024  # the most that is parsed at once; limits how many pipelined requests are held
BODY_BYTES: Final = 64 * 1024  # while more of a body than this is buffered, reading pauses
UNREAD_S: Final = 0.1  # if bytes have arrived when an idle connection is about to be closed, the time to read them
LAG_S: Final = 0.02  # if a request was read longer ago than this, ask the kernel when the request arrived

logger = logging.getLogger("uvicorn.error")

FAILED: Final = error_response(500, "internal error")
BUSY: Final = error_response(503, "too many connections")


class _ReadBuffer(threading.local):
    """A buffer that the connections of a thread share. The event loop uses it for only one connection at a time."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(READ_BYTES))


_read_buffer = _ReadBuffer()


class HttpProtocol(asyncio.BufferedProtocol):
    """One connection, which uvicorn creates.

    To stop, uvicorn calls `shutdown`, and waits until `server_state.connections` is empty.
    """

    __slots__ = (
        "_application", "_buffer", "_closing", "_current", "_data", "_deadline", "_drain_waiters", "_eof",
        "_head_until", "_keep_alive_s", "_loop", "_overload", "_parsed", "_parser", "_paused", "_queue", "_read_at",
        "_receiving", "_refusal", "_scope", "_server", "_transport", "_unanswered", "_write_paused", "_yielding",
        "shutting_down",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._application = config.loaded_app
        self._server = server_state
        self._keep_alive_s: float = config.timeout_keep_alive
        self._loop = _loop or asyncio.get_running_loop()
        self._buffer = _read_buffer.view
        self._scope: Scope = {
            "type": "http",
            "asgi": {"version": config.asgi_version, "spec_version": "2.3"},
            "root_path": config.root_path,
            "state": app_state,
            "extensions": {
                CLIENT_LEFT: self.client_left,
                TAKE_BODY: self.take_body,
                RESPOND: self.respond,
                WAITED: self.waited_s,
            },
        }
        self._overload: Overload | None = app_state.get(OVERLOAD)
        self._parser = RequestParser(self)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self._current: Exchange | None = None  # being answered
        self._queue: deque[Exchange] = deque()  # to be answered next, in order
        self._receiving: Exchange | None = None  # the last request, while its body is incomplete
        self._data, self._parsed = b"", 0  # data that is not parsed to its end, and the number of its parsed bytes
        self._read_at = 0.0
        self._unanswered = True  # no request of this connection has been answered
        self._refusal = b""  # sent after the answers to the earlier requests
        self._head_until: float | None = None
        self._deadline = Deadline(self._loop, self._on_deadline)
        self._drain_waiters: list[asyncio.Future[None]] = []
        self._eof = self._closing = self._paused = self._yielding = self._write_paused = False
        self.shutting_down = False

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._server.connections.add(self)  # type: ignore[arg-type]  # uvicorn's type has only its own classes
        self._scope["scheme"] = "https" if transport.get_extra_info("sslcontext") else "http"
        self._scope["server"] = _address(transport.get_extra_info("sockname"))
        self._scope["client"] = _address(transport.get_extra_info("peername"))
        transport.set_write_buffer_limits(high=WRITE_BYTES)
        if descriptor_limit.reached(transport.get_extra_info("socket").fileno()):
            descriptor_limit.refuse()
            self.write(BUSY)
            self._close()
        else:
            self._close_after(self._keep_alive_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything that the connection holds. An answer that comes later is ignored."""
        self._server.connections.discard(self)
        self._closing = True
        self._deadline.end()
        self._drop_exchanges()
        self._wake_writers()
        self._scope["extensions"] = {}
        self._parser.close()
        self._forget_data()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse the bytes that have been read. After a full buffer, let other connections read first."""
        if self._closing:
            return
        self._read_at = perf_counter()
        read = bytes(self._buffer[:nbytes])
        if not self._is_idle():
            self._data, self._parsed = (self._data[self._parsed :] + read if self._data else read), 0
            self._parse()
        elif found := known_heads.find(read):
            self._answer_known(*found)
        else:
            self._data, self._parsed = read, 0
            self._parse()
            self._remember(read)
        if nbytes == READ_BYTES and not self._closing:
            self._yielding = True
            self._loop.call_soon(self._read_on)
            self.update_reading()

    def _is_idle(self) -> bool:
        """True if every request that was read has been answered, and no head, refusal or write is pending."""
        busy = self._current is not None or self._queue or self._data or self._receiving is not None
        return not (busy or self._parser.in_head or self._write_paused or self._refusal)

    def _answer_known(self, known: KnownHead, body: bytes) -> None:
        """Answer a request with a known head, without parsing it."""
        self._parser.skip_known()
        overload = self._overload
        if overload is not None and overload.full and not self.shutting_down:
            refusal = overload.refusal(known, body, self._scope, self._server.default_headers)
            if refusal is not None:
                self._server.total_requests += 1
                self._unanswered = False
                self._transport.write(refusal)
                return self._close_after(self._keep_alive_s)
        exchange = Exchange(self, known.request)
        if body:
            exchange.add_body(body)
        exchange.complete = True
        return self._answer(exchange)

    def _remember(self, read: bytes) -> None:
        """Remember the head of the request that is being answered, if `read` is exactly this request."""
        exchange = self._current
        if exchange is not None and exchange.complete and not (self._data or self._queue or self._closing):
            known_heads.remember(read, exchange.request)

    def eof_received(self) -> bool:
        """True keeps the connection open, so that a client that has finished sending gets its answers."""
        self._eof = True
        if self._closing:
            return False
        if self._receiving is not None and self._receiving is not self._current:
            self._queue.remove(self._receiving)  # the rest of its body will not come
            self._receiving = None
        if self._current is None or self._receiving is not None:
            return False
        self._loop.call_later(HALF_CLOSED_S, self._look_for_client)
        return True

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._wake_writers()
        if self._current is None and not self._closing:
            self._answer_next()

    # What uvicorn calls

    def shutdown(self) -> None:
        """Close after the current request is answered. An idle connection is closed after its next request or DRAIN_S.

        If an idle connection were closed at once, a request that is under way would be lost: clients do not repeat a
        POST.
        """
        self.shutting_down = True
        self._keep_alive_s = min(self._keep_alive_s, DRAIN_S)
        if self._closing or (self._current is None and self._write_paused):
            self._close()
        elif self._current is None:
            self._close_after(self._keep_alive_s)

    # Reading

    def _read_on(self) -> None:
        self._yielding = False
        self.update_reading()

    def update_reading(self) -> None:
        """Pause reading from the socket if too much is held; otherwise resume it."""
        held = bool(self._data) or (self._receiving is not None and self._receiving.buffered > BODY_BYTES)
        pause = (held or self._yielding) and not self._closing
        if pause != self._paused and not self._transport.is_closing():
            self._paused = pause
            (self._transport.pause_reading if pause else self._transport.resume_reading)()

    def _parse(self) -> None:
        """Parse until a request is complete. The rest of the data is parsed when that request has been answered."""
        parser, data = self._parser, self._data
        try:
            while self._parsed < len(data) and not self._has_complete_request():
                start, self._parsed = self._parsed, self._parsed + min(PIECE_BYTES, parser.room)
                parser.feed(data[start : self._parsed])
        except Refused as refused:
            return self._refuse_after_answers(refused.response)
        if self._parsed >= len(data):
            self._data, self._parsed = b"", 0
        if self._current is None and self._queue:
            self._answer_next()
        return self._watch_input()

    def _watch_input(self) -> None:
        """Set a time limit for a head that has begun, and pause or resume reading. Usually neither is needed."""
        if self._parser.in_head:
            self._watch_head()
        if self._data or self._receiving is not None or self._paused or self._yielding:
            self.update_reading()

    def _forget_data(self) -> None:
        self._data, self._parsed = b"", 0

    def _has_complete_request(self) -> bool:
        complete = len(self._queue) + (self._current is not None) - (self._receiving is not None)
        return complete > 0

    # What the parser calls

    def head_parsed(self, request: Request) -> None:
        self._head_until = None
        self._receiving = Exchange(self, request)
        self._queue.append(self._receiving)

    def body_parsed(self, part: bytes) -> None:
        if self._receiving is not None:
            self._receiving.add_body(part)

    def request_parsed(self) -> None:
        if self._receiving is not None:
            self._receiving.end_body()
            self._receiving = None

    # Answering

    def _answer_next(self) -> None:
        """Answer the next request, or wait for one."""
        if self._write_paused:  # the client does not read its answers
            return self._close_after(self._keep_alive_s)
        if self._queue:
            exchange = self._queue.popleft()
            self._answer(exchange)
            return self._parse() if self._data and not exchange.complete else None  # the rest of its body
        if self._refusal:
            return self._refuse(self._refusal)
        self._close_after(self._keep_alive_s)
        if self._data:
            self._parse()
        if self._eof and self._current is None and not self._closing:
            return self._close()
        return self._watch_input()

    def _answer(self, exchange: Exchange) -> None:
        self._current = exchange
        overload = self._overload
        if overload is not None:
            overload.starting += 1
        self._deadline.clear()
        scope = self._scope_of(exchange.request)
        tasks = self._server.tasks
        tasks.add(self._loop.create_task(exchange.run(self._application, scope, tasks, overload)))

    def _scope_of(self, request: Request) -> Scope:
        common = self._scope
        root = common["root_path"]
        return common | {
            "http_version": request.version,
            "method": request.method,
            "path": root + request.path if root else request.path,
            "raw_path": root.encode() + request.raw_path if root else request.raw_path,
            "query_string": request.query,
            "headers": request.headers.copy(),  # a known head has only one list for all its requests
            "state": common["state"].copy(),
            HAS_TRACEPARENT: request.has_traceparent,
        }

    # What the application calls, in place of ASGI's `receive` and `send`

    def take_body(self) -> bytes | None:
        """The body of the current request, if all of it has arrived."""
        return None if self._current is None else self._current.take_body()

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer the current request. If there is none, do nothing: the client has disconnected or got a refusal."""
        if self._current is not None:
            self._current.respond(status, headers, body)

    # What an exchange calls

    def answered(self, exchange: Exchange) -> None:
        """Continue after a response has been written."""
        self._server.total_requests += 1
        self._unanswered = False
        self._current = None
        if self._receiving is exchange:
            self._receiving = None
        if exchange.keep_alive and not self.shutting_down:
            if self._is_idle() and not (self._eof or self._paused or self._yielding):
                self._close_after(self._keep_alive_s)  # the usual case: no further request is waiting
            else:
                self._answer_next()
        elif exchange.complete and not self._data:
            self._close()
        else:
            self._linger()

    def fail(self, *, begun: bool) -> None:
        """Answer 500, or cut the connection if a response has begun."""
        if begun:
            self._transport.abort()
        else:
            self._refuse(FAILED)

    def write(self, head: bytes, body: bytes = b"") -> None:
        """Write both in one call. A large body is not copied, so that connections can share it.

        Between a reset and `connection_lost`, nothing is written: uvloop would raise an error.
        """
        if self._transport.is_closing():
            return
        if len(body) > READ_BYTES:
            self._transport.writelines([head, body])
        else:
            self._transport.write(head + body)

    async def drained(self) -> None:
        """Wait while too much is buffered for the client."""
        if self._write_paused and not self._closing:
            waiter = self._loop.create_future()
            self._drain_waiters.append(waiter)
            await waiter

    def _wake_writers(self) -> None:
        waiters, self._drain_waiters = self._drain_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that uvicorn adds to every response, such as the date. uvicorn replaces the list every second."""
        return self._server.default_headers

    # Ending

    def _refuse_after_answers(self, response: bytes) -> None:
        """Refuse a request that cannot be parsed. The complete requests before it are answered first."""
        # The message is uvicorn's; the flood filter passes one line in 30 seconds.
        logger.warning("Invalid HTTP request received.")
        self._forget_data()
        if self._receiving is not None and self._receiving is self._current:
            return self._refuse(response)
        if self._receiving is not None:
            self._queue.remove(self._receiving)
            self._receiving = None
        self._refusal = response
        return self._answer_next() if self._current is None else None

    def _refuse(self, response: bytes) -> None:
        self._drop_exchanges()
        self.write(response)
        self._linger()

    def _drop_exchanges(self) -> None:
        for exchange in (*self._queue, *([self._current] if self._current else ())):
            exchange.disconnect()
        self._queue.clear()
        self._current = self._receiving = None

    def _close(self) -> None:
        self._closing = True
        self._close_after(FLUSH_S)
        self._transport.close()

    def _linger(self) -> None:
        """Finish writing, drop further input, then close. Closing at once could lose the answer: see LINGER_S."""
        if self._eof or self._transport.is_closing() or not self._transport.can_write_eof():
            return self._close()
        self._closing = True
        self._forget_data()
        self._transport.write_eof()
        self._close_after(LINGER_S)
        return self.update_reading()

    def _close_after(self, seconds: float) -> None:
        self._deadline.set(self._loop.time() + seconds)

    def _watch_head(self) -> None:
        """Close the connection if the head that has begun is not complete in time."""
        if self._head_until is None:
            self._head_until = self._loop.time() + HEAD_S
        if self._current is None and not self._closing:
            self._deadline.set(self._head_until)

    def _on_deadline(self) -> None:
        if self._closing or self._write_paused:  # a close would wait for a client that does not read
            self._transport.abort()
        elif self._is_idle() and unread_bytes(self._transport):
            self._close_after(UNREAD_S)
        else:
            self._close()

    # Clients that have sent a FIN

    async def client_left(self) -> bool:
        """True if the client has closed its connection. False for a client that has only finished sending.

        Also False after the FIN of an HTTP/1.0 client: HTTP/1.0 has no interim responses, so the server cannot check.
        """
        if self._current is None or self._transport.is_closing():
            return True
        state = socket_state(self._transport).state
        if not self._eof and state not in {CLOSE_WAIT, CLOSED}:
            return False
        return self._current.request.version == "1.1" and await half_closed.has_left(self._transport)

    def waited_s(self) -> float:
        """Seconds since the last bytes of this connection arrived at this host.

        These bytes belong to the current request if the client waits for an answer before it sends the next request.
        Usually the result is the time since the bytes were read. The kernel is asked when they arrived if the event
        loop lags, or if the connection may have waited to be accepted.
        """
        in_loop_s = perf_counter() - self._read_at
        if self._unanswered or in_loop_s > LAG_S:
            return max(in_loop_s, socket_state(self._transport).since_data_s)
        return in_loop_s

    def _look_for_client(self) -> None:
        if self._current is not None:
            task = self._loop.create_task(self._drop_without_client())
            self._server.tasks.add(task)
            task.add_done_callback(self._server.tasks.discard)

    async def _drop_without_client(self) -> None:
        if await self.client_left():
            self._transport.abort()


def _address(name: Any) -> tuple[str, int | None] | None:
    """The address in ASGI's form. A Unix socket has a path and no port."""
    if isinstance(name, tuple):
        return str(name[0]), int(name[1])
    return (name, None) if name else None
