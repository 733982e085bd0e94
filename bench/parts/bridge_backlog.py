"""Delivers a backlog in Kafka with the bridge or with Centrifugo's own consumer, and measures the rate and the CPU."""

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
    """CPU time in seconds that is used without events.

    `starts_s` has an entry for each process: the CPU of its start and of `IDLE_S` seconds without work. `look_s` is the
    CPU that Centrifugo uses to answer one request for its metrics.
    """

    starts_s: list[float]
    look_s: float


class Backlog(NamedTuple):
    """Publications per second, and the CPU per publication in microseconds: of Centrifugo, and of the bridge.

    `bridge_us` is 0 without a bridge.
    """

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
        """Run a Centrifugo that gets all events of the topic. Yields the Centrifugo and the ids of the processes to
        measure.
        """
        with ExitStack() as stack:
            front = stack.enter_context(self.stage.centrifugo(self.form, topic))
            stack.enter_context(subscribed(front.port, self.subscribers))
            pids = [front.pid]
            if self.form is Form.BRIDGE:
                pids.append(stack.enter_context(self.stage.bridge(front, new_group(), topic or self.form.value)))
            yield front, pids


def idle_cpu(side: Side) -> Idle:
    """Measure the CPU of a start without events, waiting included, and the CPU of one call of `published`."""
    with side.running(EMPTY) as (front, pids):
        time.sleep(IDLE_S)
        starts_s = [*map(cpu_s, pids)]
        for _ in range(LOOKS):
            front.published()
        return Idle(starts_s, (cpu_s(front.pid) - starts_s[0]) / LOOKS)


def backlog(side: Side, idle: Idle) -> Backlog:
    """Deliver all events of a topic.

    The CPU is counted from the start of the processes: the bridge and Centrifugo's consumer already read records before
    they publish the first one. Two parts are subtracted (`idle`): the CPU of a start without events, and the CPU for
    reading the number of publications.
    """
    records = side.stage.written[side.form]
    with side.running() as (front, pids):
        looks = front.wait_for(records)
        centrifugo_s, *bridge_s = [cpu_s(pid) - idle_s for pid, idle_s in zip(pids, idle.starts_s, strict=True)]
    centrifugo_s -= idle.look_s * len(looks)
    return Backlog(rate(looks, records), centrifugo_s / records * 1e6, sum(bridge_s) / records * 1e6)


def rate(looks: list[tuple[float, int]], records: int) -> float:
    """Publications per second. Each of `looks` is a time in seconds, and the number of publications until that time.

    The rate is computed from the first look with publications and the last look before all were published. The look
    that finds all publications is not used: the last publication may have been some time before it. Raises BenchError
    if there are too few looks.
    """
    under_way = [look for look in looks if 0 < look[1] < records]
    if len(under_way) < FEWEST_LOOKS:
        raise BenchError("The backlog was delivered too quickly to be measured: use a larger number of --records.")
    (began, first), (ended, last) = under_way[0], under_way[-1]
    return (last - first) / (ended - began)
