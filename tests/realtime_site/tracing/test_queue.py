"""Ended spans are exported in batches by a separate thread. If there are too many, the oldest are lost."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags

from realtime_site.tracing.queue import Ended, SpanQueue
from tests.harness.spans import record, span

LONG_S = 60.0


@dataclass
class Exported:
    """An exporter that keeps its batches. It waits while `open` is not set."""

    batches: list[list[Ended]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    failing: int = 0
    ended: bool = False

    def export(self, spans: Sequence[Ended]) -> None:
        self.began.set()
        assert self.open.wait(LONG_S)
        if self.failing:
            self.failing -= 1
            raise RuntimeError("the exporter failed")
        self.batches.append(list(spans))

    def shutdown(self) -> None:
        self.ended = True


@pytest.fixture
def exported() -> Iterator[Exported]:
    exporter = Exported()
    exporter.open.set()
    yield exporter
    exporter.open.set()


def test_every_span_is_exported_once_in_order(exported: Exported) -> None:
    queue = SpanQueue(exported, batch=7, delay_s=0.01)
    ended = [record(number) for number in range(1000)]

    for each in ended:
        queue.add(each)
    queue.shutdown()

    assert [each for batch in exported.batches for each in batch] == ended
    assert max(map(len, exported.batches)) <= 7
    assert exported.ended


def test_a_full_batch_does_not_wait_for_the_delay(exported: Exported) -> None:
    queue = SpanQueue(exported, batch=3, delay_s=LONG_S)

    for number in range(3):
        queue.add(record(number))

    assert exported.began.wait(LONG_S / 2)
    queue.shutdown()
    assert [len(batch) for batch in exported.batches] == [3]


def test_a_single_span_is_exported_after_the_delay(exported: Exported) -> None:
    queue = SpanQueue(exported, batch=100, delay_s=0.01)

    queue.add(record(1))

    assert exported.began.wait(LONG_S)
    queue.shutdown()


def test_the_oldest_spans_are_lost_and_counted_when_the_queue_is_full(
    exported: Exported, caplog: pytest.LogCaptureFixture
) -> None:
    exported.open.clear()
    queue = SpanQueue(exported, size=10, batch=2, delay_s=LONG_S)
    queue.add(record(0))
    queue.add(record(1))
    assert exported.began.wait(LONG_S)  # the exporter holds the first two

    for number in range(2, 17):
        queue.add(record(number))
    exported.open.set()
    queue.shutdown()

    assert [each for batch in exported.batches for each in batch] == [record(n) for n in (0, 1, *range(7, 17))]
    assert [line.getMessage() for line in caplog.records] == ["7 spans were lost: the queue of 10 requests was full"]


def test_a_failed_export_loses_only_one_batch(exported: Exported, caplog: pytest.LogCaptureFixture) -> None:
    exported.failing = 1
    queue = SpanQueue(exported, batch=2, delay_s=LONG_S)

    for number in range(4):
        queue.add(record(number))
    queue.shutdown()

    assert exported.batches == [[record(2), record(3)]]
    assert [line.getMessage() for line in caplog.records] == ["2 spans were not exported"]


def test_a_flush_exports_the_queued_spans(exported: Exported) -> None:
    queue = SpanQueue(exported, batch=100, delay_s=LONG_S)
    queue.add(record(1))

    assert queue.force_flush()
    assert exported.batches == [[record(1)]]
    queue.shutdown()


def test_spans_of_the_sdk_are_exported_if_they_are_sampled(exported: Exported) -> None:
    queue = SpanQueue(exported, delay_s=LONG_S)
    sampled = span(1)

    queue.on_end(sampled)
    queue.on_end(ReadableSpan("unsampled", SpanContext(1, 1, False, TraceFlags(0))))
    queue.shutdown()
    queue.on_end(sampled)

    assert exported.batches == [[sampled]]
