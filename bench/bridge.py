"""Compares the bridge with Centrifugo's own Kafka consumer: `python -m bench.bridge`.

Both are measured in one run, in turn. Only their ratios mean anything, because the figures themselves depend on the
machine and on the other work that it does.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import websockets
from confluent_kafka import Producer

from bench.parts.command import measured, parser_of
from bench.parts.kafka_stage import CHANNELS, EMPTY, TOPIC, Front, Stage, kafka_stage
from bench.parts.machine import cpu_s, describe, rss_mib
from bench.parts.processes import BenchError

GIVE_UP_S: Final = 120.0
IDLE_S: Final = 3.0
LOOK_EVERY_S: Final = 0.2  # a scrape costs Centrifugo some milliseconds
BARS: Final = {
    "throughput": ("of Centrifugo's consumer, at least", 0.35),
    "cpu": ("of Centrifugo's consumer, at most", 4.0),
    "p50": ("of Centrifugo's consumer, at most", 2.0),
    "p99": ("of Centrifugo's consumer, at most", 2.5),
    "after_kill_s": ("seconds until the first event after kill -9, at most", 9.0),
    "outage_growth": ("of the memory at the pause, at most", 1.15),
}
AT_LEAST: Final = frozenset({"throughput"})


class Backlog(NamedTuple):
    """Publications a second, and microseconds of CPU for each: Centrifugo's, and the bridge's (0 without one)."""

    per_s: float
    centrifugo_us: float
    bridge_us: float

    @property
    def cpu_us(self) -> float:
        return self.centrifugo_us + self.bridge_us


@dataclass
class Side:
    """The bridge, or Centrifugo's own consumer."""

    stage: Stage
    own: bool

    @contextmanager
    def running(self, topic: str = TOPIC) -> Iterator[tuple[Front, list[int]]]:
        """A Centrifugo that gets the topic from its beginning, and the ids of the measured processes."""
        group = f"bench.{secrets.token_hex(4)}"
        with ExitStack() as stack:
            front = stack.enter_context(self.stage.centrifugo(group if self.own else "", topic))
            bridges = [] if self.own else [stack.enter_context(self.stage.bridge(front, group, topic))]
            yield front, [front.pid, *bridges]


def idle_cpu_s(side: Side) -> list[float]:
    """Seconds of CPU that each process uses to start and to wait without events."""
    with side.running(EMPTY) as (_, pids):
        time.sleep(IDLE_S)
        return [*map(cpu_s, pids)]


def backlog(side: Side, idle_s: list[float]) -> Backlog:
    """Deliver a topic from its beginning.

    The time counts from the first publication. The CPU is that of the whole process minus `idle_s`, because both sides
    read ahead before they publish.
    """
    records = side.stage.written
    with side.running() as (front, pids):
        first = _wait(front, 1)
        began = time.monotonic()
        _wait(front, records)
        seconds = time.monotonic() - began
        each_us = [(cpu_s(pid) - idle) / records * 1e6 for pid, idle in zip(pids, idle_s, strict=True)]
    return Backlog((records - first) / seconds, *each_us, *([0.0] if side.own else []))


def _wait(front: Front, publications: int) -> int:
    until = time.monotonic() + GIVE_UP_S
    while (seen := front.published()) < publications:
        if time.monotonic() > until:
            raise BenchError(f"Only {seen} of {publications} publications arrived within {GIVE_UP_S:.0f} s.")
        time.sleep(LOOK_EVERY_S)
    return seen


class Latency(NamedTuple):
    """The time from when an event is written until a client has it, in milliseconds."""

    p50_ms: float
    p99_ms: float


def latency(side: Side, rate: int, seconds: float) -> Latency:
    """Deliver events at a steady rate to a client of every channel, once all older events are delivered."""
    with side.running() as (front, _):
        _wait(front, side.stage.written)
        return asyncio.run(_listen(side.stage, front, rate, seconds))


async def _listen(stage: Stage, front: Front, rate: int, seconds: float) -> Latency:
    taken: list[float] = []
    wanted = int(rate * seconds)
    async with websockets.connect(front.websocket, proxy=None, ping_interval=None, max_queue=None) as socket:
        subscribe = [{"id": n + 2, "subscribe": {"channel": f"family:f{n}"}} for n in range(CHANNELS)]
        await socket.send("\n".join(json.dumps(command) for command in [{"id": 1, "connect": {}}, *subscribe]))
        replies = 0
        writer: threading.Thread | None = None
        async with asyncio.timeout(GIVE_UP_S):
            while len(taken) < wanted:
                for line in (await socket.recv()).splitlines():
                    message = json.loads(line)
                    replies += "id" in message
                    if "error" in message:
                        raise BenchError(f"Centrifugo refused the client: {message['error']}")
                    if not message:
                        await socket.send("{}")
                    elif "push" in message and "pub" in message["push"]:
                        taken.append((time.time_ns() - message["push"]["pub"]["data"]["at"]) / 1e6)
                if writer is None and replies > CHANNELS:
                    writer = threading.Thread(target=_write, args=(stage, rate, wanted))
                    writer.start()
        if writer is not None:
            writer.join()
    ordered = sorted(taken)
    return Latency(statistics.median(ordered), ordered[int(len(ordered) * 0.99)])


def _write(stage: Stage, rate: int, number: int) -> None:
    producer = Producer({"bootstrap.servers": stage.address, "linger.ms": 0})
    began = time.monotonic()
    for each in range(number):
        stage.produce(producer, 10_000_000 + time.monotonic_ns() + each, "x" * 900)
        producer.poll(0)
        time.sleep(max(0.0, began + each / rate - time.monotonic()))
    producer.flush(30)


def after_kill(stage: Stage) -> float:
    """Seconds from kill -9 until the next bridge has delivered an event; the session timeout is 6 s."""
    group = f"bench.{secrets.token_hex(4)}"
    with stage.centrifugo() as front, stage.bridge(front, group) as first:
        _wait(front, stage.written)
        time.sleep(2)
        os.kill(first, signal.SIGKILL)
        killed = time.monotonic()
        seen = front.published()
        with stage.bridge(front, group):
            _write(stage, 1000, 100)
            _wait(front, seen + 1)
            return time.monotonic() - killed


def outage_growth(stage: Stage, seconds: float) -> float:
    """The bridge's memory at the end of an outage, divided by its memory shortly after reading paused."""
    group = f"bench.{secrets.token_hex(4)}"
    with stage.centrifugo() as front, stage.bridge(front, group) as bridge:
        _wait(front, 1)
        os.kill(front.pid, signal.SIGSTOP)
        try:
            time.sleep(5)
            paused = rss_mib(bridge)
            _write(stage, 1000, int(1000 * seconds))
            return rss_mib(bridge) / paused
        finally:
            os.kill(front.pid, signal.SIGCONT)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every ratio, in one run, the two sides in turn."""
    with kafka_stage(options.redis) as stage:
        stage.fill(options.records, 900)
        bridge, own = Side(stage, own=False), Side(stage, own=True)
        sides = (bridge, own)
        idle = [idle_cpu_s(side) for side in sides]
        pairs = [
            [backlog(side, idle_s) for side, idle_s in zip(sides, idle, strict=True)] for _ in range(options.rounds)
        ]
        delays = [latency(side, options.rate, options.seconds) for side in sides]
        return {
            "machine": describe(),
            "throughput": statistics.median(mine.per_s / theirs.per_s for mine, theirs in pairs),
            "cpu": statistics.median(mine.cpu_us / theirs.cpu_us for mine, theirs in pairs),
            "cpu_centrifugo": statistics.median(mine.centrifugo_us / theirs.cpu_us for mine, theirs in pairs),
            "cpu_bridge": statistics.median(mine.bridge_us / theirs.cpu_us for mine, theirs in pairs),
            "p50": delays[0].p50_ms / delays[1].p50_ms,
            "p99": delays[0].p99_ms / delays[1].p99_ms,
            "after_kill_s": after_kill(stage),
            "outage_growth": outage_growth(stage, options.outage),
            "rounds": [{"bridge": mine._asdict(), "own": theirs._asdict()} for mine, theirs in pairs],
            "delays": {"bridge": delays[0]._asdict(), "own": delays[1]._asdict()},
        }


def parsed() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="events of 1 KiB in the backlog (100000)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of backlogs (5)")
    parser.add_argument("--rate", type=int, default=300, help="events a second for the latency (300)")
    parser.add_argument("--seconds", type=float, default=10, help="duration of the latency measurement (10)")
    parser.add_argument("--outage", type=float, default=30, help="duration of the outage in seconds (30)")
    parser.add_argument("--redis", default="", metavar="URL", help="use this Redis as Centrifugo's engine")
    return parser.parse_args()


def main() -> int:
    """The exit code: 1 if a target is missed, otherwise 0."""
    options = parsed()
    results = measured(lambda: measure(options), options.json)
    parts = f"Centrifugo {results['cpu_centrifugo']:.2f}, the bridge {results['cpu_bridge']:.2f}"
    sys.stdout.write(f"CPU as a multiple of Centrifugo's consumer: {parts}\n")
    missed = 0
    for name, (unit, bar) in BARS.items():
        good = results[name] >= bar if name in AT_LEAST else results[name] <= bar
        missed += not good
        sys.stdout.write(f"{'ok    ' if good else 'MISSED'}  {name:<14} {results[name]:6.2f} {unit} {bar}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
