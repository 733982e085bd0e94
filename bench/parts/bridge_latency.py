"""Measures the time that an event takes from Kafka to a client. Also checks the events that the client gets."""

import asyncio
import json
import threading
import time
from typing import Any, NamedTuple

import websockets

from bench.parts.bridge_backlog import Side
from bench.parts.bridge_forms import CHANNELS, channel_of
from bench.parts.figures import percentile
from bench.parts.kafka_stage import GIVE_UP_S, Front
from bench.parts.processes import BenchError


class Latency(NamedTuple):
    """The time from when an event is written to Kafka until a client gets it, in milliseconds."""

    p50_ms: float
    p99_ms: float


class Received(NamedTuple):
    """The publications that a client got: their delays, and the channel and data of each, without the field `at`."""

    delays_ms: list[float]
    publications: list[tuple[str, dict[str, Any]]]


def latency(side: Side, rate: int, seconds: float) -> Latency:
    """Deliver `rate` events per second, for `seconds`, to a client that is subscribed to every channel.

    The events are written after all older events are delivered. Raises BenchError if the client gets an event twice, in
    the wrong channel or with wrong data. Raises TimeoutError if an event is missing.
    """
    number = int(rate * seconds)
    with side.running() as (front, _):
        front.wait_for(side.stage.written[side.form])
        received = asyncio.run(_listen(side, front, rate, number))
    wanted = [(channel_of(n), {"family": f"f{n % CHANNELS}", "number": n, "text": "x" * 900}) for n in range(number)]
    if sorted(received.publications, key=_number) != wanted:
        raise BenchError(f"The client of {side.form} did not get each event exactly once with its data.")
    return Latency(percentile(received.delays_ms, 0.5), percentile(received.delays_ms, 0.99))


def _number(publication: tuple[str, dict[str, Any]]) -> int:
    return int(publication[1]["number"])


async def _listen(side: Side, front: Front, rate: int, wanted: int) -> Received:
    received = Received([], [])
    async with websockets.connect(front.websocket, proxy=None, ping_interval=None, max_queue=None) as socket:
        subscribe = [{"id": n + 2, "subscribe": {"channel": channel_of(n)}} for n in range(CHANNELS)]
        await socket.send("\n".join(json.dumps(command) for command in [{"id": 1, "connect": {}}, *subscribe]))
        replies = 0
        writer = threading.Thread(target=side.stage.write, args=(side.form, rate, wanted))
        async with asyncio.timeout(GIVE_UP_S):
            while len(received.delays_ms) < wanted:
                for line in (await socket.recv()).splitlines():
                    message = json.loads(line)
                    replies += "id" in message
                    if not message:
                        await socket.send("{}")
                    else:
                        _record(received, message)
                if replies > CHANNELS and not writer.ident:
                    writer.start()
        writer.join()
    return received


def _record(received: Received, message: dict[str, Any]) -> None:
    if "error" in message:
        raise BenchError(f"Centrifugo refused the client: {message['error']}")
    push = message.get("push", {})
    if "pub" in push:
        data = push["pub"]["data"]
        received.delays_ms.append((time.time_ns() - data.pop("at")) / 1e6)
        received.publications.append((push["channel"], data))
