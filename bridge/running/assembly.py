"""Puts the parts of a bridge together."""

import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from bridge.centrifugo.api import open_api
from bridge.delivery.work import Work
from bridge.kafka.connection import admin_properties, producer_properties
from bridge.kafka.gate import Gate
from bridge.kafka.lag import Brokers
from bridge.kafka.producer import KafkaProducer
from bridge.mapping.mapper import RouteMapper
from bridge.routing.model import Routes
from bridge.running.bridge import Bridge
from bridge.running.configuration import Configuration
from bridge.running.gauges import Labels
from bridge.running.health import Health
from bridge.running.letters import Letters
from bridge.running.metrics import Metrics
from bridge.running.observer import MetricsObserver
from bridge.running.sender import Sender
from bridge.running.spans import Tracer

FLUSH_S: Final = 5.0


@dataclass
class Parts:
    """The parts of a running bridge."""

    bridge: Bridge
    gate: Gate
    sender: Sender
    letters: Letters
    metrics: Metrics
    health: Health
    brokers: Brokers
    labels: Labels


async def open_parts(
    stack: AsyncExitStack, config: Configuration, routes: Routes, version: str, tracer: Tracer
) -> Parts:
    """Open all parts except the poller. `stack` closes them."""
    labels = Labels(routes, config.letters.replay)
    gate = Gate(config.reading.most_pending, config.reading.most_bytes)
    work = Work(config.most_dead_letters)
    metrics = Metrics(topics=labels.all, routes=commands_of(routes), version=version)
    bridge = Bridge(
        work=work,
        gate=gate,
        mapper=RouteMapper(routes, replay_topic=config.letters.replay),
        metrics=metrics,
        window=config.reading.window,
        drain_s=config.reading.drain_s,
        label=labels.of,
        clock=time.time,
    )
    api = await stack.enter_async_context(
        open_api(
            config.api.url,
            key=config.api.key,
            timeout_s=config.api.timeout_s,
            requests=config.limits.requests,
            parallel=config.api.parallel,
            ca_file=config.api.ca_file,
        )
    )
    sender = Sender(
        work=work,
        api=api,
        check=api.check,
        limits=config.limits,
        backoff=config.backoff,
        observer=MetricsObserver(metrics, time.time),
        tracer=tracer,
        on_finished=bridge.finished,
        monotonic=time.monotonic,
        spread=_spread,
    )
    letters = Letters(
        writer=await stack.enter_async_context(_producer(config)),
        topics=config.letters,
        backoff=config.backoff,
        version=version,
        on_delivered=bridge.delivered,
        clock=time.time,
        spread=_spread,
    )
    stack.push_async_callback(letters.stop)
    stack.push_async_callback(sender.stop)
    sender.on_change = bridge.changed
    bridge.sender, bridge.letters = sender, letters
    health = Health(
        version=version,
        group=config.group.name,
        gate=gate,
        bridge=bridge,
        outage=lambda: sender.outage,
        clock=time.time,
        monotonic=time.monotonic,
        started_at=time.monotonic(),
    )
    brokers = Brokers(admin_properties(config.connection))
    return Parts(bridge, gate, sender, letters, metrics, health, brokers, labels)


def _spread() -> float:
    return random.random() - 0.5  # noqa: S311  (spreads the retries of several processes)


@asynccontextmanager
async def _producer(config: Configuration) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(producer_properties(config.connection))
    try:
        yield producer
    finally:
        await producer.close(FLUSH_S)


def commands_of(routes: Routes) -> list[tuple[str, str]]:
    """All pairs of a route's name and a kind of action, for the labels of metrics."""
    return list(dict.fromkeys((route.name, action.do) for route in routes.routes for action in route.actions))
