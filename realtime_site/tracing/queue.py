"""The queue of ended spans, and the thread that exports them in batches.

The SDK's BatchSpanProcessor accepts only spans. This queue also accepts records. A record costs the event loop only one
append to a deque.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Final, Protocol

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from realtime_site.tracing.records import Record

Ended = Record | ReadableSpan

QUEUE_RECORDS: Final = 10_000  # requests, usually with two spans each
BATCH_RECORDS: Final = 512
DELAY_S: Final = 5.0  # OpenTelemetry's default

logger = logging.getLogger("opentelemetry.exporter")  # rate-limited by the site's logging


def spans_of(ended: Ended) -> int:
    """The number of spans in a record; 1 for a span of the SDK."""
    return 1 + len(ended[-1]) if isinstance(ended, tuple) else 1


class Exporter(Protocol):
    """Sends a batch."""

    def export(self, spans: Sequence[Ended]) -> object:
        """Send the batch, or give up. The result is not used."""

    def shutdown(self) -> None: ...


class SpanQueue(SpanProcessor):
    """Exports batches of added spans, at least every `delay_s` seconds. A full queue drops its oldest spans.

    `size` and `batch` are numbers of items. An item is a request with its calls, or a span of the SDK.
    """

    def __init__(
        self, exporter: Exporter, *, size: int = QUEUE_RECORDS, batch: int = BATCH_RECORDS, delay_s: float = DELAY_S
    ) -> None:
        self._exporter, self._size, self._batch, self.delay_s = exporter, size, batch, delay_s
        self._queue: deque[Ended] = deque()
        self._lost = 0
        self._exporting = threading.Lock()
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="export-spans", daemon=True)
        self._thread.start()

    def add(self, ended: Ended) -> None:
        """Queue a sampled span that has ended: a record with its calls, or a span of the SDK."""
        queue = self._queue
        queue.append(ended)
        if len(queue) >= self._batch:
            self._ripe()

    def _ripe(self) -> None:
        if len(self._queue) > self._size:
            self._lost += spans_of(self._queue.popleft())
        if not self._wake.is_set():
            self._wake.set()

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span of the SDK, if it is sampled."""
        if span.context and span.context.trace_flags.sampled and not self._stopped.is_set():
            self.add(span)

    def shutdown(self) -> None:
        """Export the queued spans, and end the thread."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export the queued spans. False if some are still queued after the timeout.

        A batch that the thread is exporting is not in the queue any more, so it may not be exported yet.
        """
        until = monotonic() + timeout_millis / 1000
        while self._queue and monotonic() < until:
            self._export()
        return not self._queue

    def _run(self) -> None:
        while not self._stopped.is_set():
            full = self._wake.wait(self.delay_s)
            self._wake.clear()
            if not full:
                self._export()
            while len(self._queue) >= self._batch:
                self._export()
        while self._queue:
            self._export()

    def _export(self) -> None:
        """Export the oldest batch."""
        with self._exporting, suppress_instrumentation():
            batch = self._taken()
            lost, self._lost = self._lost, 0
            if lost:
                logger.warning("%d spans were lost: the queue of %d requests was full", lost, self._size)
            if batch:
                self._send(batch)

    def _taken(self) -> list[Ended]:
        take = self._queue.popleft  # the event loop removes items too, but only from a full queue
        return [take() for _ in range(min(self._batch, len(self._queue)))]

    def _send(self, batch: list[Ended]) -> None:
        try:
            self._exporter.export(batch)
        except Exception:  # this batch is lost, but the thread must continue
            logger.exception("%d spans were not exported", sum(map(spans_of, batch)))
