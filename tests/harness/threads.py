"""Records each start of a thread, and each task that is submitted to a thread."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import CodeType, FrameType

from asgiref.sync import AsyncToSync, SyncToAsync

THREADS: dict[CodeType, str] = {
    threading.Thread.start.__code__: "Thread.start",
    ThreadPoolExecutor.submit.__code__: "ThreadPoolExecutor.submit",
    SyncToAsync.__call__.__code__: "sync_to_async",
    AsyncToSync.__call__.__code__: "async_to_sync",
}


@contextmanager
def thread_calls() -> Iterator[list[str]]:
    """The uses of threads by the current thread, from the interpreter's profiling hook."""
    calls: list[str] = []

    def record(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code in THREADS:
            calls.append(THREADS[frame.f_code])

    sys.setprofile(record)
    try:
        yield calls
    finally:
        sys.setprofile(None)
