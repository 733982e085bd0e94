"""The writer of log lines, on streams that the tests open."""

import fcntl
import gc
import logging
import os
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator

import pytest

from common.log_output import QUEUE_BYTES, LineWriter, QueuedHandler, dropped_lines, log_stray_exceptions


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def read_all(descriptor: int) -> bytes:
    """The current content of the pipe."""
    os.set_blocking(descriptor, False)
    read = b""
    try:
        while part := os.read(descriptor, 65536):
            read += part
    except BlockingIOError:
        pass
    return read


def test_lines_are_written_in_order(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])

    for number in range(100):
        writer.write(b"%d\n" % number)

    assert writer.flush(10)
    assert read_all(pipe[0]).split() == [b"%d" % number for number in range(100)]
    assert writer.dropped == 0


def test_an_unread_stream_never_blocks_the_writer_and_the_queue_is_bounded(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    line = b"x" * 999 + b"\n"
    count = QUEUE_BYTES // 1000 + 500
    started = time.monotonic()

    for _ in range(count):
        writer.write(line)

    assert time.monotonic() - started < 5
    assert writer.dropped > 0
    assert not writer.flush(0.01)
    read = b""
    while not writer.flush(0.05):
        read += read_all(pipe[0])
    read += read_all(pipe[0])
    assert read == line * (count - writer.dropped)


def test_a_stream_that_was_made_non_blocking_loses_no_line(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    writer = LineWriter(pipe[1])
    line = b"x" * 999 + b"\n"

    for _ in range(200):
        writer.write(line)
    read = b""
    while not writer.flush(0.05):
        read += read_all(pipe[0])
    read += read_all(pipe[0])

    assert read == line * 200
    assert writer.dropped == 0


def test_losses_are_reported_in_one_record_when_the_stream_works_again(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(full)
    for _ in range(7):
        writer.write(b"lost\n")
    writer.flush(10)
    lost = writer.dropped

    os.dup2(pipe[1], full)  # now the stream has room
    for _ in range(5):
        writer.write(b"kept\n")
        writer.flush(10)

    os.close(full)
    (record,) = [record for record in caplog.records if record.name == "common.log_output"]
    assert (lost, writer.dropped) == (7, 7)
    assert vars(record)["lines"] == 7
    assert read_all(pipe[0]) == b"kept\n" * 5


def test_after_an_error_within_a_line_the_next_line_begins_on_a_new_line(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.set_blocking(write_end, False)
    writer = LineWriter(write_end)
    long_line = b"x" * 100_000 + b"\n"  # longer than the pipe's buffer, so its end has to wait
    writer.write(long_line)
    deadline = time.monotonic() + 10
    while not is_full(read_end):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    other_read, other_write = os.pipe()
    full = os.open("/dev/full", os.O_WRONLY)

    os.dup2(full, write_end)  # now the disk is full
    writer.flush(10)
    os.dup2(other_write, write_end)
    writer.write(b"next\n")
    writer.flush(10)

    assert writer.dropped == 1
    assert read_all(other_read) == b"\nnext\n"
    for descriptor in (other_read, other_write, full):
        os.close(descriptor)


def is_full(descriptor: int) -> bool:
    """True if the pipe is full; `descriptor` is its read end."""
    waiting = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    return bool(struct.unpack("i", waiting)[0] >= 65536)


class Unprintable:
    """An argument that cannot be formatted."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_record_that_cannot_be_formatted_is_logged_with_its_file_and_line(
    pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    handler = QueuedHandler(pipe[1])
    record = logging.Logger("a").makeRecord("a", 30, "file.py", 7, "%s", (Unprintable(),), None)

    handler.handle(record)
    handler.flush()

    assert read_all(pipe[0]) == b"a log record of file.py:7 could not be formatted\n"
    assert capsys.readouterr().err == ""


def test_two_handlers_of_one_file_keep_the_order_of_lines(pipe: tuple[int, int]) -> None:
    copy = os.dup(pipe[1])
    handlers = QueuedHandler(pipe[1]), QueuedHandler(copy)

    for number in range(50):
        handlers[number % 2].handle(logging.Logger("a").makeRecord("a", 20, "file.py", 1, str(number), (), None))
    for handler in handlers:
        handler.flush()

    os.close(copy)
    assert read_all(pipe[0]).split() == [b"%d" % number for number in range(50)]


def test_many_threads_lose_no_line(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])

    def write_many() -> None:
        for _ in range(1000):
            writer.write(b"x\n")

    threads = [threading.Thread(target=write_many) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert writer.flush(10)
    assert (read_all(pipe[0]), writer.dropped) == (b"x\n" * 4000, 0)


def test_the_lost_lines_of_all_streams_are_counted() -> None:
    before = dropped_lines()
    full = os.open("/dev/full", os.O_WRONLY)
    unread, broken = os.pipe()
    os.close(unread)

    for descriptor, number in ((full, 3), (broken, 2)):
        handler = QueuedHandler(descriptor)
        for _ in range(number):
            handler.handle(logging.Logger("a").makeRecord("a", 20, "file.py", 1, "lost", (), None))
        handler.flush()

    for descriptor in (full, broken):
        os.close(descriptor)
    assert dropped_lines() == before + 5


class Finalizer:
    """Raises an error when it is garbage-collected."""

    def __del__(self) -> None:
        raise RuntimeError("in a finalizer")


def test_exceptions_that_python_would_print_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)

    log_stray_exceptions()
    thread = threading.Thread(target=int, args=("no number",))
    thread.start()
    thread.join()
    Finalizer()
    gc.collect()

    assert [record.getMessage() for record in caplog.records] == [
        "exception in a thread",
        "exception that no caller can handle",
    ]
    assert capfd.readouterr().err == ""
