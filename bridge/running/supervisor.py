"""Runs a bridge from start to shutdown."""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from bridge.kafka.connection import consumer_properties, subscription
from bridge.kafka.errors import KafkaUnreachable
from bridge.kafka.poller import Poller
from bridge.routing.model import Routes
from bridge.running.assembly import Parts, open_parts
from bridge.running.bridge import Bridge
from bridge.running.configuration import Configuration
from bridge.running.gauges import measure_lag, refresh
from bridge.running.health import Health
from bridge.running.listener import Pages, listening
from bridge.running.recreated import CreatedAgain, Recreated
from bridge.running.spans import OFF, Tracer
from bridge.running.start import ABSENT, Topics, check_topics
from bridge.running.tracebacks import log_unhandled, without_text

RETRY_S: Final = 1.0
ANSWER_S: Final = 3.0
END_S: Final = 8.0
EXIT_AT_SECOND_SIGNAL: Final = 1
ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

logger = logging.getLogger("bridge")


async def run(config: Configuration, routes: Routes, version: str, tracer: Tracer = OFF) -> None:
    """Run until the process gets one of the signals in ENDING.

    Raises StartError (see `check_topics`), ListenError, KafkaRefused, ReceivingFailed, or another error that has ended
    the poller.
    """
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        parts = await open_parts(stack, config, routes, version, tracer)
        pages = Pages(parts.health, parts.metrics.registry, lambda: refresh(parts))
        await stack.enter_async_context(listening(pages, *config.listen))
        _end_by_signal(stop, parts.health)
        freeze_startup_objects()
        await _read(parts, config, routes, stop)


def freeze_startup_objects() -> None:
    """Exclude startup objects from garbage collection. Collect less often, because thousands of records are alive."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _end_by_signal(stop: asyncio.Event, health: Health) -> None:
    """The first signal shuts the bridge down gracefully; the second signal ends the process at once."""

    def on_signal() -> None:
        if stop.is_set():
            os._exit(EXIT_AT_SECOND_SIGNAL)
        health.ending = True
        stop.set()

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup sets SIG_IGN for SIGHUP
            asyncio.get_running_loop().add_signal_handler(number, on_signal)


async def _read(parts: Parts, config: Configuration, routes: Routes, stop: asyncio.Event) -> None:
    """Wait until Kafka answers, then read until the bridge ends."""
    existing = await _wait_for_kafka(parts, stop)
    if existing is None:
        return
    topics = check_topics(routes.topics, config.letters, existing, config.connection.brokers)
    _warn_of_topics(topics, config)
    poller = Poller(
        properties=consumer_properties(config.connection, config.group),
        topics=subscription(topics.subscribed, config.group),
        owner=parts.bridge,
        gate=parts.gate,
        loop=asyncio.get_running_loop(),
        commit_interval_s=config.reading.commit_interval_s,
        drain_s=config.reading.drain_s,
        monotonic=time.monotonic,
    )
    poller.start()
    repeated = [
        asyncio.create_task(every(config.reading.commit_interval_s / 2, _offering(parts.bridge))),
        asyncio.create_task(every(config.reading.lag_interval_s, _measuring(parts, poller))),
    ]
    try:
        await _until_ended(parts.bridge, poller, stop, config.reading.drain_s)
    finally:
        for task in repeated:
            task.cancel()
        await asyncio.gather(*repeated, return_exceptions=True)


async def _wait_for_kafka(parts: Parts, stop: asyncio.Event) -> dict[str, int] | None:
    """Wait until Kafka answers, and return the existing topics; None if the shutdown begins first."""
    waiting = asyncio.create_task(_topics_once_available(parts))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not waiting.done():
        waiting.cancel()
        return None
    return waiting.result()


async def _topics_once_available(parts: Parts) -> dict[str, int]:
    while True:
        try:
            existing = await parts.brokers.topics(ANSWER_S)
        except KafkaUnreachable as error:
            parts.bridge.kafka.failed(str(error))
            await asyncio.sleep(RETRY_S)
        else:
            parts.bridge.kafka.answered()
            return existing


def _warn_of_topics(topics: Topics, config: Configuration) -> None:
    if topics.missing:
        logger.warning(
            "topics of the routes file do not exist yet, or this user may not describe them",
            extra={"topics": ", ".join(topics.missing)},
        )
    if topics.replay_missing:
        logger.warning(
            f"the topic of BRIDGE_REPLAY_TOPIC {ABSENT}: no dead letter can be replayed",
            extra={"topic": config.letters.replay},
        )


async def _until_ended(bridge: Bridge, poller: Poller, stop: asyncio.Event, drain_s: float) -> None:
    """Wait for the signal, then until the poller has released its partitions. Raises the error that ends the bridge."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((stopping, bridge.ended), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    poller.stop()
    try:
        error = await asyncio.wait_for(asyncio.shield(bridge.ended), drain_s + END_S)
    except TimeoutError:
        logger.warning("Kafka did not answer during shutdown; uncommitted records are read again")
        return
    if error is not None:
        raise error


async def every(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    """Repeat until cancelled: wait this many seconds, then await `do`."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await do()
        except Exception as error:  # otherwise, a bug would silently end the commits or the lag measurements
            logger.error("repeated work failed with an internal error", extra=without_text(error))


def _measuring(parts: Parts, poller: Poller) -> Callable[[], Awaitable[None]]:
    """Measure the lag. End the poller if a topic was created again and the poller no longer reads it."""
    recreated = Recreated()

    async def measure() -> None:
        ends = await measure_lag(parts)
        positions = {each: at.ledger.first_unfinished for each, at in parts.bridge.work.assignments.items()}
        if not ends or not positions:
            return
        ids = await parts.brokers.identities({partition.topic for partition in positions})
        if stuck := recreated.stuck(ids, positions, ends):
            poller.stop(CreatedAgain(", ".join(sorted({partition.topic for partition in stuck}))))

    return measure


def _offering(bridge: Bridge) -> Callable[[], Awaitable[None]]:
    async def offer() -> None:
        bridge.offer_commits()

    return offer
