"""Channels that can be replaced while they are in use. rollover.py decides when."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol

import grpc
from grpc import aio

from centrifugo_proxy.peers.channel_options import Options
from centrifugo_proxy.peers.rollover import AGE_S, Reason, Rollover, State, Step
from centrifugo_proxy.peers.tls import Report as TlsReport
from centrifugo_proxy.peers.tls import TlsFiles, TlsWatch
from common.background import in_background

BytesMethod = aio.UnaryUnaryMultiCallable[bytes, bytes]

TICK_S: Final = 0.2
TLS_TICK_S: Final = 1.0
STATES: Final = {
    grpc.ChannelConnectivity.READY: State.READY,
    grpc.ChannelConnectivity.TRANSIENT_FAILURE: State.FAILING,
    grpc.ChannelConnectivity.SHUTDOWN: State.FAILING,
}
# Targets that need no name lookup.
ADDRESS: Final = re.compile(r"(ipv4|ipv6|unix|unix-abstract):.*|\[[0-9A-Fa-f:.%]+\]:[0-9]+|[0-9.]+:[0-9]+")


class Report(TlsReport, Protocol):
    """Reports changes of a channel to operators."""

    def channel_replaced(self, reason: Reason) -> None: ...


class Source(Protocol):
    """Opens the channels to one target."""

    def open(self) -> aio.Channel:
        """A new channel with the newest credentials."""

    def changed(self) -> bool:
        """True at the first call after each change of the credentials that `open` uses. Called every 0.2 s."""


@dataclass(frozen=True, slots=True)
class PlainSource:
    """Channels without TLS."""

    target: str
    options: Options

    def open(self) -> aio.Channel:
        return aio.insecure_channel(self.target, options=self.options)

    def changed(self) -> bool:
        return False


class TlsSource:
    """Channels over TLS, with the newest content of their files."""

    def __init__(self, target: str, options: Options, files: TlsFiles, report: TlsReport) -> None:
        """Raises TlsFilesRefused."""
        override = (("grpc.ssl_target_name_override", files.server_name),) if files.server_name else ()
        self._target, self._options = target, options + override
        self._watch = TlsWatch(files, report)
        self._looked_at = monotonic()

    def open(self) -> aio.Channel:
        return aio.secure_channel(self._target, self._watch.material.credentials(), options=self._options)

    def changed(self) -> bool:
        if monotonic() - self._looked_at < TLS_TICK_S:
            return False
        self._looked_at = monotonic()
        return self._watch.changed()


@dataclass(slots=True)
class RollingMethod:
    """A method that always uses the current channel."""

    path: str
    call: BytesMethod


class RollingChannel:
    """The current channel to one target. `run` replaces it. A call in flight finishes on the channel where it began."""

    def __init__(self, source: Source, *, age_s: float | None, linger_s: float, report: Report) -> None:
        """A replaced channel stays open for `linger_s`, which must exceed any deadline. Rollover explains `age_s`."""
        self._source, self._linger_s, self._report = source, linger_s, report
        self._methods: dict[str, RollingMethod] = {}
        self._candidate: aio.Channel | None = None
        self._replaced: set[asyncio.Task[None]] = set()
        self._current = source.open()
        self._rollover = Rollover(monotonic(), age_s)
        _state(self._current)

    def method(self, path: str) -> RollingMethod:
        """The method at the path `/service/method`. It stays valid when the channel is replaced."""
        if path not in self._methods:
            self._methods[path] = RollingMethod(path, _method(self._current, path))
        return self._methods[path]

    def call_expired(self, method: RollingMethod, call: BytesMethod) -> None:
        """Record that a call exceeded its deadline. Calls on a replaced channel do not count."""
        if method.call is call:
            self._rollover.call_expired()

    async def run(self) -> None:
        """Replace the channel whenever needed, until cancelled."""
        while True:
            self.tick(monotonic())
            await asyncio.sleep(TICK_S)

    def tick(self, now: float) -> None:
        """Check the channels once."""
        if self._source.changed():
            self._rollover.credentials_changed()
        candidate = None if self._candidate is None else _state(self._candidate)
        match self._rollover.step(now, _state(self._current), candidate):
            case Step.OPEN:
                self._discard()
                self._candidate = self._source.open()
                _state(self._candidate)
            case Step.DISCARD:
                self._discard()
            case Step.SWAP:
                self._swap()

    def _discard(self) -> None:
        if self._candidate is not None:
            self._close(self._candidate, after_s=0)
            self._candidate = None

    def _swap(self) -> None:
        if self._candidate is None:
            return
        replaced, self._current, self._candidate = self._current, self._candidate, None
        for method in self._methods.values():
            method.call = _method(self._current, method.path)
        self._close(replaced, after_s=self._linger_s)
        if reason := self._rollover.swapped_for:
            self._report.channel_replaced(reason)

    def _close(self, channel: aio.Channel, after_s: float) -> None:
        task = asyncio.get_running_loop().create_task(_closed(channel, after_s))
        self._replaced.add(task)
        task.add_done_callback(self._replaced.discard)

    async def close(self) -> None:
        """Close every channel and end the calls in flight."""
        self._discard()
        for task in tuple(self._replaced):
            task.cancel()
        await asyncio.gather(self._current.close(None), *self._replaced, return_exceptions=True)


async def _closed(channel: aio.Channel, after_s: float) -> None:
    try:
        await asyncio.sleep(after_s)
    finally:
        await channel.close(None)


def _state(channel: aio.Channel) -> State:
    """The state of a channel. An idle channel begins to connect."""
    return STATES.get(channel.get_state(try_to_connect=True), State.CONNECTING)


def _method(channel: aio.Channel, path: str) -> BytesMethod:
    # Without serializers: grpc.aio logs a traceback for a response that its deserializer refuses.
    return channel.unary_unary(path, None, None)


def is_name(target: str) -> bool:
    """True if the target is a name, whose addresses can change."""
    return ADDRESS.fullmatch(target) is None


@asynccontextmanager
async def rolling_channel(
    source: Source, *, target: str, deadline_s: float, report: Report, age_s: float = AGE_S
) -> AsyncIterator[RollingChannel]:
    """A channel to a target. It connects at once, is replaced when needed, and is closed when the context ends."""
    oldest_s = age_s if is_name(target) else None
    channel = RollingChannel(source, age_s=oldest_s, linger_s=deadline_s + 1, report=report)
    try:
        async with in_background(channel.run()):
            yield channel
    finally:
        await channel.close()
