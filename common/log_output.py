"""A log handler that never waits: lines go to a bounded queue, and a thread writes them to the stream.

Logging must not stop the event loop: a stream that nobody reads, that is closed, full or broken costs log lines.
They are counted, and a warning says how many were lost once the stream works again.
"""

import logging
import os
import select
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
    """Writes lines to one file descriptor from a thread of its own, which starts with the first line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()  # re-entrant: a signal handler may log while its thread logs
        self._queued = self._written = 0  # bytes; `_written` and `_failed` belong to the thread
        self._overflowed = self._failed = 0  # lines
        self._reported = 0
        self._report_at = 0.0
        self._torn = False

    @property
    def dropped(self) -> int:
        """Lines lost so far."""
        return self._overflowed + self._failed

    def write(self, line: bytes) -> None:
        """Queue a line, which ends with a line feed; drop it when the stream has fallen too far behind."""
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
        """Wait until all lines queued so far are written or lost; False after `timeout_s` seconds."""
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
        """Write a line, waiting for as long as it takes. A line cut off by an error is ended before the next."""
        rest = b"\n" + line if self._torn else line
        while rest:
            try:
                count = os.write(self._descriptor, rest)
            except BlockingIOError:  # whoever shares the stream has made it non-blocking
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll(1000)
                continue
            rest = rest[count:]
            self._torn = bool(rest)

    def _report_losses(self) -> None:
        """Say how many lines were lost, once the stream has caught up."""
        lost, now = self.dropped - self._reported, time.monotonic()
        if not lost or now < self._report_at:
            return
        self._reported += lost
        self._report_at = now + REPORT_EVERY_S
        stream = STREAMS.get(self._descriptor, str(self._descriptor))
        logger.warning("log lines were lost, their stream did not take them", extra={"stream": stream, "lines": lost})


class QueuedHandler(logging.Handler):
    """Formats a record in the caller's thread and leaves the line to a `LineWriter`."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._writer = _writer(descriptor)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # whatever an argument's __str__ raises: logging must not fail where it is called
            line = self.format(_unformattable(record))
        self._writer.write(line.encode(errors="backslashreplace") + b"\n")

    def flush(self) -> None:
        """Wait for the queued lines, for at most FLUSH_S; logging does so at exit."""
        self._writer.flush(FLUSH_S)


def _unformattable(record: logging.LogRecord) -> logging.LogRecord:
    place = {"name": record.name, "levelno": record.levelno, "levelname": record.levelname, "created": record.created}
    message = f"a log record of {record.filename}:{record.lineno} could not be formatted"
    return logging.makeLogRecord({**place, "msg": message})


_writers: dict[tuple[int, int], LineWriter] = {}


def _writer(descriptor: int) -> LineWriter:
    """The process's only writer for this stream; stdout and stderr share one, and keep their order, on one file."""
    try:
        status = os.fstat(descriptor)
    except OSError:  # closed: its lines will be counted as lost
        return _writers.setdefault((-1, descriptor), LineWriter(descriptor))
    return _writers.setdefault((status.st_dev, status.st_ino), LineWriter(descriptor))


def dropped_lines() -> int:
    """Log lines that this process has lost, on all streams."""
    return sum(writer.dropped for writer in _writers.values())


def write_text(descriptor: int, text: str) -> None:
    """Write text for people to a standard stream, waiting for at most FLUSH_S: a last message before an exit."""
    writer = _writer(descriptor)
    writer.write(text.encode(errors="backslashreplace"))
    writer.flush(FLUSH_S)


def flush(timeout_s: float = FLUSH_S) -> None:
    """Wait for the lines of all streams, for `timeout_s` seconds in all: for an exit that skips logging's own."""
    until = time.monotonic() + timeout_s
    for writer in _writers.values():
        writer.flush(max(0.0, until - time.monotonic()))
