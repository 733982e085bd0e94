"""A backlog in Kafka, delivered by the bridge or by Centrifugo's own consumer: events a second, and CPU for each."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from bench.parts.bridge_forms import Form
from bench.parts.kafka_stage import EMPTY, Front, Stage, new_group
from bench.parts.machine import cpu_s
from bench.parts.processes import BenchError
from bench.parts.subscriber import subscribed

IDLE_S: Final = 3.0
LOOKS: Final = 100
FEWEST_LOOKS: Final = 3


class Idle(NamedTuple):
    """Seconds of CPU without events.

    `starts_s` has one entry per process, for its start and `IDLE_S` of idle time. `look_s` is what Centrifugo takes to
    answer one request for its metrics.
    """

    starts_s: list[float]
    look_s: float


class Backlog(NamedTuple):
    """Publications a second, and microseconds of CPU for each in Centrifugo and in the bridge (0 without a bridge)."""

    per_s: float
    centrifugo_us: float
    bridge_us: float

    @property
    def cpu_us(self) -> float:
        return self.centrifugo_us + self.bridge_us


@dataclass
class Side:
    """The bridge, or Centrifugo's own consumer in one of its modes.

    `subscribers` clients are subscribed to all channels. Their CPU is not counted.
    """

    stage: Stage
    form: Form
    subscribers: int = 0

    @contextmanager
    def running(self, topic: str = "") -> Iterator[tuple[Front, list[int]]]:
        """Run a Centrifugo that gets the topic from its beginning. Yields it and the ids of the measured processes."""
        with ExitStack() as stack:
            front = stack.enter_context(self.stage.centrifugo(self.form, topic))
            stack.enter_context(subscribed(front.port, self.subscribers))
            pids = [front.pid]
            if self.form is Form.BRIDGE:
                pids.append(stack.enter_context(self.stage.bridge(front, new_group(), topic or self.form.value)))
            yield front, pids


def idle_cpu(side: Side) -> Idle:
    """Measure the CPU that no event causes: for starts, for waiting, and for reading the number of publications."""
    with side.running(EMPTY) as (front, pids):
        time.sleep(IDLE_S)
        starts_s = [*map(cpu_s, pids)]
        for _ in range(LOOKS):
            front.published()
        return Idle(starts_s, (cpu_s(front.pid) - starts_s[0]) / LOOKS)


def backlog(side: Side, idle: Idle) -> Backlog:
    """Deliver a topic from its beginning.

    The CPU is counted from the start of the processes, because both sides read records before they publish the first
    one. The CPU of a start without events, and of the looks, is subtracted (`idle`).
    """
    records = side.stage.written[side.form]
    with side.running() as (front, pids):
        looks = front.wait_for(records)
        centrifugo_s, *bridge_s = [cpu_s(pid) - idle_s for pid, idle_s in zip(pids, idle.starts_s, strict=True)]
    centrifugo_s -= idle.look_s * len(looks)
    return Backlog(rate(looks, records), centrifugo_s / records * 1e6, sum(bridge_s) / records * 1e6)


def rate(looks: list[tuple[float, int]], records: int) -> float:
    """Publications a second. Each of `looks` is a time in seconds and the number of publications until then.

    The rate is that between the first publications seen and the last look before the end. The look that sees the end
    does not count, because it may be late by one interval. Raises BenchError for too few looks.
    """
    under_way = [look for look in looks if 0 < look[1] < records]
    if len(under_way) < FEWEST_LOOKS:
        raise BenchError("The backlog was delivered too quickly to measure it: give more --records.")
    (began, first), (ended, last) = under_way[0], under_way[-1]
    return (last - first) / (ended - began)
