"""Measures a kill of the bridge and outages of Centrifugo: the seconds to recover, and the memory."""

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
    """`growth` is the bridge's memory at the end of the outage, divided by its memory shortly after reading paused.

    `back_s` is the seconds from the end of the outage until the next publication.
    """

    growth: float
    back_s: float


def after_kill(stage: Stage, instance: str = "") -> float:
    """Seconds from kill -9 until the next bridge has delivered an event.

    With an `instance` both bridges are the same static member of the group.
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
    """Measure an outage in which Centrifugo accepts connections and does not answer (SIGSTOP)."""
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
    """The growth of the bridge's memory while 1,000 new events a second arrive and Centrifugo does not answer."""
    time.sleep(PAUSED_AFTER_S)
    paused = rss_mib(bridge)
    stage.write(Form.BRIDGE, 1000, int(1000 * seconds))
    return rss_mib(bridge) / paused


def _until_next(front: Front) -> float:
    """Seconds until the next publication. Called when Centrifugo is back."""
    began = time.monotonic()
    seen = front.published()
    return front.wait_for(seen + 1, LOOK_EVERY_S)[-1][0] - began
