"""A log handler that never blocks: lines go to a bounded queue, and a thread writes them to the stream.

A stream that is unread, closed, full or broken must not stop the event loop. Instead, log lines are dropped and
counted, and a warning reports their number when the stream works again.
"""

import logging
import os
import select
import sys
import threading
import time
from queue import SimpleQueue
from typing import Final

from common.standard_streams import closed_at_start

QUEUE_BYTES: Final = 256 * 1024
FLUSH_S: Final = 1.0
REPORT_EVERY_S: Final = 10.0
STREAMS: Final = {1: "stdout", 2: "stderr"}

logger = logging.getLogger("common.log_output")


class LineWriter:
    """Writes lines to one file descriptor in a thread, which starts with the first line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()  # re-entrant: a signal handler may log while the main thread logs
        self._queued = self._written = 0  # bytes; only the thread changes `_written` and `_failed`
        self._overflowed = self._failed = 0  # lines
        self._reported = 0
        self._report_at = 0.0
        self._torn = False

    @property
    def dropped(self) -> int:
        """The number of lines lost so far."""
        return self._overflowed + self._failed

    def write(self, line: bytes) -> None:
        """Queue a line, which ends with a line feed. Drop the line if the queue would exceed QUEUE_BYTES.

        A line for a stream that was closed at startup is dropped too.
        """
        with self._lock:
            if self._queued - self._written + len(line) > QUEUE_BYTES or self._descriptor in closed_at_start():
                self._overflowed += 1
                return
            self._queued += len(line)
            self._queue.put(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"log-{self._descriptor}", daemon=True)
                self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all queued lines are written or lost. False if this takes longer than `timeout_s` seconds."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout_s)

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            try:
                self._write_whole(item)
                works = True
            except OSError:
                works = False
                self._failed += 1
            self._written += len(item)
            if works and self._written == self._queued:
                self._report_losses()

    def _write_whole(self, line: bytes) -> None:
        """Write a line, even if this takes long. If an error cuts a line off, the next line begins on a new line."""
        rest = b"\n" + line if self._torn else line
        while rest:
            try:
                count = os.write(self._descriptor, rest)
            except BlockingIOError:  # another process that shares the stream made it non-blocking
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll(1000)
                continue
            rest = rest[count:]
            self._torn = bool(rest)

    def _report_losses(self) -> None:
        """Warn of lost lines, at most once in REPORT_EVERY_S seconds."""
        lost, now = self.dropped - self._reported, time.monotonic()
        if not lost or now < self._report_at:
            return
        self._reported += lost
        self._report_at = now + REPORT_EVERY_S
        stream = STREAMS.get(self._descriptor, str(self._descriptor))
        logger.warning(
            "log lines were lost because their stream was closed, full, broken or not read",
            extra={"stream": stream, "lines": lost},
        )


class QueuedHandler(logging.Handler):
    """Formats a record in the calling thread, and passes the line to a `LineWriter`."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._writer = _writer(descriptor)

    def redirect(self, descriptor: int) -> None:
        """Write to this stream from now on."""
        self._writer = _writer(descriptor)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # an argument's __str__ may raise any exception; logging must not raise it
            line = self.format(_unformattable(record))
        self._writer.write(line.encode(errors="backslashreplace") + b"\n")

    def flush(self) -> None:
        """Wait at most FLUSH_S seconds for the queued lines; logging calls this at exit."""
        self._writer.flush(FLUSH_S)


def leave_stdout_to_results() -> None:
    """Write all log lines to stderr, because a command prints its results on stdout, perhaps as JSON for a program."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QueuedHandler):
            handler.redirect(2)


def _unformattable(record: logging.LogRecord) -> logging.LogRecord:
    place = {"name": record.name, "levelno": record.levelno, "levelname": record.levelname, "created": record.created}
    message = f"a log record of {record.filename}:{record.lineno} could not be formatted"
    return logging.makeLogRecord({**place, "msg": message})


def log_stray_exceptions() -> None:
    """Log the exceptions of threads and finalizers. Python would print them to stderr and might block."""

    def in_thread(stray: threading.ExceptHookArgs) -> None:
        if stray.exc_value is not None:
            logger.error("exception in a thread", exc_info=stray.exc_value)

    def unraisable(stray: "sys.UnraisableHookArgs") -> None:
        logger.error("exception that no caller can handle", exc_info=stray.exc_value)

    threading.excepthook, sys.unraisablehook = in_thread, unraisable


_writers: dict[tuple[int, int], LineWriter] = {}


def _writer(descriptor: int) -> LineWriter:
    """The writer for this stream. If stdout and stderr are the same file, they share a writer to keep the order."""
    try:
        status = os.fstat(descriptor)
    except OSError:  # closed: its lines are counted as lost
        return _writers.setdefault((-1, descriptor), LineWriter(descriptor))
    return _writers.setdefault((status.st_dev, status.st_ino), LineWriter(descriptor))


def dropped_lines() -> int:
    """The number of log lines that this process has lost, on all streams."""
    return sum(writer.dropped for writer in _writers.values())


def write_text(descriptor: int, text: str) -> None:
    """Write a last message before an exit, to stdout (1) or stderr (2). Waits at most FLUSH_S seconds."""
    writer = _writer(descriptor)
    writer.write(text.encode(errors="backslashreplace"))
    writer.flush(FLUSH_S)


def flush(timeout_s: float = FLUSH_S) -> None:
    """Wait at most `timeout_s` seconds for the lines of all streams, before an exit that skips logging's own flush."""
    until = time.monotonic() + timeout_s
    for writer in _writers.values():
        writer.flush(max(0.0, until - time.monotonic()))
