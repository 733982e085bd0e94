"""The bridge's core, in the process of the test. A test hands over records, and scripts Centrifugo's answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from bridge.centrifugo.api import open_api
from bridge.commands import Command, Headers, Mapped, Outcome, Record
from bridge.delivery.backoff import Backoff
from bridge.delivery.dead_letter import texts_of
from bridge.delivery.work import Partition, Work
from bridge.kafka.errors import NotDelivered
from bridge.kafka.gate import Gate
from bridge.kafka.reading import Read, bytes_of
from bridge.running.bridge import Bridge
from bridge.running.letters import Letters, LetterTopics
from bridge.running.metrics import Metrics
from bridge.running.observer import MetricsObserver
from bridge.running.sender import Sender
from bridge.running.sending import Limits
from bridge.running.spans import OFF, Tracer
from tests.bridge.made import publication, record
from tests.harness.waiting import until

PARTITION = Partition("diary", 0)
GIVE_UP_S = 20.0
IMPATIENT_S = 0.3  # the client's timeout in tests of a Centrifugo that does not answer
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def result_of(command: dict[str, Any]) -> dict[str, Any]:
    """Centrifugo's reply to a command that is done."""
    [method] = command
    if method == "broadcast":
        return {method: {"responses": [{"result": {}} for _ in command[method]["channels"]]}}
    return {method: {}}


def error(code: int) -> dict[str, Any]:
    return {"error": {"code": code, "message": "scripted"}}


@dataclass
class ScriptedCentrifugo:
    """A Centrifugo that answers with the handlers of `script` in turn, and then with success.

    `batches` has the commands of each batch request.
    """

    script: list[Handler] = field(default_factory=list)
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = orjson.loads(await request.read())
        self.keys.append(request.headers.get("X-API-Key"))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if "commands" in body:
                self.bodies.append(body)
                self.batches.append(body["commands"])
            handler = self.script.pop(0) if self.script else success
            return await handler(request)
        finally:
            self.at_once -= 1

    @property
    def channels(self) -> list[list[str]]:
        """The channels of each request's publications."""
        return [[command["publish"]["channel"] for command in batch] for batch in self.batches]


async def success(request: web.Request) -> web.StreamResponse:
    """Answers that every command is done."""
    body = orjson.loads(await request.read())
    if "commands" not in body:
        return web.json_response({"result": {}})
    return web.json_response({"replies": [result_of(command) for command in body["commands"]]})


def replies(*each: dict[str, Any]) -> Handler:
    """Answers with these replies, one for each command."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"replies": list(each)})

    return handler


def error_for(channel: str, code: int) -> Handler:
    """Answers the commands of one channel with this error, and all others with success."""

    async def handler(request: web.Request) -> web.StreamResponse:
        commands = orjson.loads(await request.read())["commands"]
        return web.json_response(
            {
                "replies": [
                    error(code) if each["publish"]["channel"] == channel else result_of(each) for each in commands
                ]
            }
        )

    return handler


def status(code: int) -> Handler:
    """Answers with this status."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text="refused")

    return handler


def body(text: str) -> Handler:
    """Answers with this body and status 200."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="application/json")

    return handler


async def reset(request: web.Request) -> web.StreamResponse:
    """Breaks the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def slow_above(most: int) -> Handler:
    """Takes longer than IMPATIENT_S to answer a request with more than `most` commands."""

    async def handler(request: web.Request) -> web.StreamResponse:
        commands = orjson.loads(await request.read()).get("commands", [])
        return await (silence(request) if len(commands) > most else success(request))

    return handler


async def compressed_if_allowed(request: web.Request) -> web.StreamResponse:
    """Answers that every command is done. Compresses the answer if the client accepts that, as a proxy may do."""
    answer = await success(request)
    answer.enable_compression()
    return answer


def success_after_spaces(spaces: int) -> Handler:
    """Answers that every command is done, in JSON that begins with this many spaces."""

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = await success(request)
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        return web.Response(body=b" " * spaces + answer.body, content_type="application/json")

    return handler


async def silence(request: web.Request) -> web.StreamResponse:
    """Takes longer than IMPATIENT_S to answer."""
    await asyncio.sleep(1)
    return web.Response()


@asynccontextmanager
async def scripted_centrifugo() -> AsyncIterator[ScriptedCentrifugo]:
    """A ScriptedCentrifugo on loopback."""
    scripted = ScriptedCentrifugo()
    application = web.Application()
    application.router.add_post("/api/{method}", scripted.handle)
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    try:
        yield scripted
    finally:
        await runner.cleanup()


@dataclass
class FakeWriter:
    """Keeps the dead letters that it writes. The first attempts fail with the errors in `script`."""

    written: list[tuple[str, bytes | None, bytes | None, dict[str, bytes | None]]] = field(default_factory=list)
    script: list[NotDelivered] = field(default_factory=list)

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if self.script:
            raise self.script.pop(0)
        self.written.append((topic, key, value, dict(headers)))


@dataclass
class FakeMapper:
    """Maps each record to the test's outcome for its offset."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def outcome(self, record: Record, now_ms: int) -> Outcome:
        return self.outcomes[record.offset]


@dataclass
class Rig:
    """The parts of the core. Records have offsets from 0."""

    centrifugo: ScriptedCentrifugo
    bridge: Bridge
    sender: Sender
    writer: FakeWriter
    mapper: FakeMapper
    metrics: Metrics
    gate: Gate

    def receive(self, *outcomes: Outcome) -> None:
        """Hand over records that are mapped to these outcomes."""
        first = len(self.mapper.outcomes)
        self.mapper.outcomes |= dict(enumerate(outcomes, first))
        self.hand_over(*(record(first + number, value=b'{"secret":1}') for number in range(len(outcomes))))

    def hand_over(self, *messages: Read) -> None:
        """Hand over these records and ends of partitions, as the poller does."""
        self.bridge.received(messages, bytes_of(messages))

    def receive_publications(self, *channels: str) -> None:
        """Hand over records with one publication each."""
        self.receive(*(mapped(publication(channel)) for channel in channels))

    @property
    def committable(self) -> int | None:
        return self.bridge.work.assignments[PARTITION].ledger.committable

    async def until_done(self, records: int) -> None:
        """Wait until this many records are done."""
        await until(lambda: self.committable == records)

    def value(self, name: str, **labels: str) -> float:
        """The value of a metric. `name` is without the prefix `realtime_bridge_`."""
        self.metrics.flush()
        found = self.metrics.registry.get_sample_value(f"realtime_bridge_{name}", labels)
        assert found is not None, name
        return found

    @property
    def letters(self) -> list[tuple[str, str]]:
        """Reason and offset of each dead letter."""
        read = [texts_of(tuple(headers.items())) for _, _, _, headers in self.writer.written]
        return [(headers["bridge.reason"], headers["bridge.offset"]) for headers in read]


def mapped(*commands: Command) -> Mapped:
    return Mapped(commands)


@asynccontextmanager
async def running_rig(
    *,
    most_dead_letters: int | None = 0,
    max_attempts: int = 0,
    requests: int = 3,
    batch_max: int = 256,
    timeout_s: float = GIVE_UP_S,
    tracer: Tracer = OFF,
    writer: FakeWriter | None = None,
    label: Callable[[str], str] = lambda topic: topic,
) -> AsyncIterator[Rig]:
    """A core that owns one partition, and retries after some milliseconds."""
    async with (
        scripted_centrifugo() as centrifugo,
        open_api(centrifugo.url, key="k", timeout_s=timeout_s, requests=requests, parallel=True) as api,
    ):
        work, gate, mapper = Work(most_dead_letters), Gate(1000, 1_000_000), FakeMapper()
        writer = writer or FakeWriter()
        metrics = Metrics(topics=["diary"], routes=[("diary", "publish")], version="1.0.0")
        bridge = Bridge(
            work=work,
            gate=gate,
            mapper=mapper,
            metrics=metrics,
            window=100,
            drain_s=1.0,
            label=label,
            clock=time.time,
        )
        backoff = Backoff(0.01, 0.05)
        sender = Sender(
            work=work,
            api=api,
            check=api.check,
            limits=Limits(requests, batch_max, 100_000, max_attempts),
            backoff=backoff,
            observer=MetricsObserver(metrics, time.time),
            tracer=tracer,
            on_finished=bridge.finished,
            monotonic=time.monotonic,
            spread=lambda: 0.0,
        )
        sender.on_change = bridge.changed
        letters = Letters(
            writer=writer,
            topics=LetterTopics("dead-letters", "dead-letters.replay"),
            backoff=backoff,
            version="1.0.0",
            on_delivered=bridge.delivered,
            clock=time.time,
            spread=lambda: 0.0,
        )
        bridge.sender, bridge.letters = sender, letters
        bridge.assigned([PARTITION])
        try:
            yield Rig(centrifugo, bridge, sender, writer, mapper, metrics, gate)
        finally:
            await sender.stop()
            await letters.stop()
