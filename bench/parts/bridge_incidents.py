"""Kills the bridge, and causes outages of Centrifugo. Measures the time to recover, and the memory of the bridge."""

import os
import signal
import time
from contextlib import ExitStack
from typing import Final, NamedTuple

from bench.parts.bridge_forms import Form
from bench.parts.kafka_stage import Front, Stage, new_group
from bench.parts.machine import rss_mib

LOOK_EVERY_S: Final = 0.02
PAUSED_AFTER_S: Final = 5.0
JOINED_AFTER_S: Final = 2.0


class Outage(NamedTuple):
    """`growth` is a quotient: the memory of the bridge at the end of the outage, divided by its memory soon after it
    stopped reading. `back_s` is the number of seconds from the end of the outage to the next publication.
    """

    growth: float
    back_s: float


def after_kill(stage: Stage, instance: str = "") -> float:
    """Seconds from kill -9 until a new bridge has delivered an event.

    If `instance` is set, both bridges are the same static member of the consumer group.
    """
    group = new_group()
    with stage.centrifugo() as front, stage.bridge(front, group, BRIDGE_INSTANCE_ID=instance) as first:
        front.wait_for(stage.written[Form.BRIDGE])
        time.sleep(JOINED_AFTER_S)
        os.kill(first, signal.SIGKILL)
        killed = time.monotonic()
        seen = front.published()
        with stage.bridge(front, group, BRIDGE_INSTANCE_ID=instance):
            stage.write(Form.BRIDGE, 1000, 100)
            return front.wait_for(seen + 1, LOOK_EVERY_S)[-1][0] - killed


def frozen(stage: Stage, seconds: float) -> Outage:
    """Measure an outage in which Centrifugo accepts connections but does not answer (SIGSTOP)."""
    with stage.centrifugo() as front, stage.bridge(front, new_group()) as bridge:
        front.wait_for(1)
        os.kill(front.pid, signal.SIGSTOP)
        try:
            growth = _growth(stage, bridge, seconds)
        finally:
            os.kill(front.pid, signal.SIGCONT)
        return Outage(growth, _until_next(front))


def restarted(stage: Stage, seconds: float) -> Outage:
    """Measure an outage in which Centrifugo is killed. It starts again at the same address."""
    with ExitStack() as stack, ExitStack() as first:
        front = first.enter_context(stage.centrifugo())
        bridge = stack.enter_context(stage.bridge(front, new_group()))
        front.wait_for(1)
        first.close()
        growth = _growth(stage, bridge, seconds)
        again = stack.enter_context(stage.centrifugo(port=front.port))
        return Outage(growth, _until_next(again))


def _growth(stage: Stage, bridge: int, seconds: float) -> float:
    """The growth of the bridge's memory while 1,000 new events per second arrive and Centrifugo does not answer."""
    time.sleep(PAUSED_AFTER_S)
    paused = rss_mib(bridge)
    stage.write(Form.BRIDGE, 1000, int(1000 * seconds))
    return rss_mib(bridge) / paused


def _until_next(front: Front) -> float:
    """Seconds until the next publication. Call this as soon as Centrifugo answers again."""
    began = time.monotonic()
    seen = front.published()
    return front.wait_for(seen + 1, LOOK_EVERY_S)[-1][0] - began
