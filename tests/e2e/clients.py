"""Clients of Centrifugo: the Python SDK with recorded events, and a bare WebSocket for details that the SDK hides."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
import websockets
from centrifuge import Client, ClientEventHandler, ClientState, SubscriptionEventHandler
from centrifuge.contexts import (
    ConnectedContext,
    ConnectingContext,
    DisconnectedContext,
    ErrorContext,
    PublicationContext,
    SubscribedContext,
    SubscribingContext,
    SubscriptionErrorContext,
    UnsubscribedContext,
)
from centrifuge.exceptions import ReplyError
from websockets.exceptions import ConnectionClosed

from tests.harness.centrifugo import LOBBY
from tests.harness.plain_http import NO_CERTIFICATES
from tests.harness.waiting import until

GIVE_UP_S = 15.0
RESUBSCRIBE_S = 1.0  # the SDK's own maximum is 10 seconds
PING = "{}"
TRANSPORT_CLOSED = 1  # the SDK's code for a subscription whose connection is lost
GetTicket = Callable[[], str]


class Closed(NamedTuple):
    """A connection ended, permanently or temporarily, for this reason."""

    code: int
    reason: str


class Ended(NamedTuple):
    """A subscription ended, permanently or temporarily, for this reason."""

    code: int
    reason: str


class Listener(SubscriptionEventHandler):
    """Records the events of one subscription."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.entered = 0
        self.lost: list[Ended] = []
        self.ended: list[Ended] = []
        self.errors: list[Exception] = []

    async def on_publication(self, ctx: PublicationContext) -> None:
        self.received.append(ctx.pub.data)

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self.entered += 1

    async def on_subscribing(self, ctx: SubscribingContext) -> None:
        if self.entered and ctx.code != TRANSPORT_CLOSED:
            self.lost.append(Ended(ctx.code, ctx.reason))

    async def on_unsubscribed(self, ctx: UnsubscribedContext) -> None:
        self.ended.append(Ended(ctx.code, ctx.reason))

    async def on_error(self, ctx: SubscriptionErrorContext) -> None:
        self.errors.append(ctx.error)


class Watcher(ClientEventHandler):
    """Records the events of a client."""

    def __init__(self) -> None:
        self.connections: list[str] = []
        self.lost: list[Closed] = []
        self.ended: list[Closed] = []
        self.errors: list[Exception] = []

    async def on_connecting(self, ctx: ConnectingContext) -> None:
        if self.connections:
            self.lost.append(Closed(ctx.code, ctx.reason))

    async def on_connected(self, ctx: ConnectedContext) -> None:
        self.connections.append(ctx.client)

    async def on_disconnected(self, ctx: DisconnectedContext) -> None:
        self.ended.append(Closed(ctx.code, ctx.reason))

    def replies(self) -> list[dict[str, Any]]:
        """The errors in Centrifugo's replies, as they were sent."""
        return [as_reply(error) for error in self.errors if isinstance(error, ReplyError)]

    async def on_error(self, ctx: ErrorContext) -> None:
        self.errors.append(ctx.error)


class SdkClient(Client):
    """The SDK with its own backoff and a new ticket for each attempt (`getData` in other SDKs)."""

    def __init__(self, url: str, get_ticket: GetTicket, **options: Any) -> None:
        self.watcher = Watcher()
        self.attempts = 0
        self._get_ticket = get_ticket
        super().__init__(url, self.watcher, proxy=None, **options)

    def _construct_connect_command(self, cmd_id: int) -> dict[str, Any]:
        self.attempts += 1
        data = {"token": self._get_ticket()}
        self._data = json.dumps(data).encode() if self._use_protobuf else data
        return super()._construct_connect_command(cmd_id)

    @property
    def connected(self) -> bool:
        return self.state is ClientState.CONNECTED

    async def listen(self, channel: str) -> Listener:
        """Subscribe, and wait for the answer."""
        listener = Listener()
        await self.new_subscription(channel, listener, max_resubscribe_delay=RESUBSCRIBE_S).subscribe()
        await until(lambda: bool(listener.entered or listener.ended or listener.errors))
        return listener

    async def refusal_of_publish(self, channel: str, data: Any) -> dict[str, Any]:
        """The error in the answer to a publication."""
        with pytest.raises(ReplyError) as refused:
            await self.publish(channel, data)
        return as_reply(refused.value)

    async def refusal_of_rpc(self, method: str, data: Any) -> dict[str, Any]:
        """The error in the answer to a call."""
        with pytest.raises(ReplyError) as refused:
            await self.rpc(method, data)
        return as_reply(refused.value)

    async def who_is_in(self, channel: str = f"{LOBBY}:all") -> dict[str, Any]:
        """Join a channel; returns the `info` of all present clients, by user."""
        if channel not in self.subscriptions():
            await self.new_subscription(channel).subscribe()
        found = await self.subscriptions()[channel].presence()
        return {info.user: info.conn_info for info in found.clients.values()}


def as_reply(error: ReplyError) -> dict[str, Any]:
    """An error as Centrifugo sends it."""
    return {"code": error.code, "message": error.message, "temporary": error.temporary}


@asynccontextmanager
async def sdk_client(url: str, get_ticket: GetTicket, **options: Any) -> AsyncIterator[SdkClient]:
    """An SDK client that has made its first attempt to connect."""
    client = SdkClient(url, get_ticket, **options)
    try:
        await client.connect()
        yield client
    finally:
        await client.disconnect()


@asynccontextmanager
async def sdk_clients(url: str, get_tickets: Sequence[GetTicket]) -> AsyncIterator[list[SdkClient]]:
    """Many clients that connect at once."""
    clients = [SdkClient(url, get_ticket) for get_ticket in get_tickets]
    try:
        await asyncio.gather(*(client.connect() for client in clients))
        yield clients
    finally:
        await asyncio.gather(*(client.disconnect() for client in clients))


def one_after_another(*tickets: str) -> GetTicket:
    """A function that returns these tickets in order, and then the last one again."""
    endless = itertools.chain(tickets, itertools.repeat(tickets[-1]))
    return lambda: next(endless)


async def bare_connect(url: str, connect: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """The reply to one connect command over a bare WebSocket, or the close code and reason."""
    async with bare_connection(url, connect, headers) as answer:
        return answer


@asynccontextmanager
async def bare_connection(
    url: str, connect: dict[str, Any], headers: dict[str, str] | None = None
) -> AsyncIterator[Any]:
    """Keep a connection open; yields its first reply, as `bare_connect` returns it."""
    async with asyncio.timeout(GIVE_UP_S), websockets.connect(url, proxy=None, additional_headers=headers) as socket:
        await socket.send(json.dumps({"id": 1, "connect": connect}))
        try:
            answer = json.loads(await socket.recv())
        except ConnectionClosed as closed:
            frame = closed.rcvd or websockets.frames.Close(1006, "no close frame")
            answer = Closed(frame.code, frame.reason)
        yield answer


@asynccontextmanager
async def bare_session(url: str, connect: dict[str, Any]) -> AsyncIterator[Callable[[str], Any]]:
    """A function that sends a command unchanged over a connected WebSocket and returns the frame of the answer."""
    async with asyncio.timeout(GIVE_UP_S), websockets.connect(url, proxy=None) as socket:

        async def ask(command: str) -> str:
            await socket.send(command)
            while (frame := str(await socket.recv())) == PING:
                await socket.send(PING)
            return frame

        assert "connect" in json.loads(await ask(json.dumps({"id": 1, "connect": connect})))
        yield ask


def with_ticket(ticket: str) -> dict[str, Any]:
    """The content of a connect command with this ticket."""
    return {"data": {"token": ticket}}


async def connect_over_sse(url: str, connect: dict[str, Any]) -> dict[str, Any] | None:
    """The first message that an EventSource receives; None if the stream ends without one."""
    query = {"cf_connect": json.dumps({"id": 1, "connect": connect})}
    return await _first_message("GET", f"{url}/connection/sse", params=query)


async def connect_over_http_stream(url: str, connect: dict[str, Any]) -> dict[str, Any] | None:
    """The first message of a streaming response; None if it ends without one."""
    command = {"id": 1, "connect": connect}
    return await _first_message("POST", f"{url}/connection/http_stream", json=command)


async def _first_message(method: str, url: str, **options: Any) -> dict[str, Any] | None:
    async with (
        httpx.AsyncClient(timeout=GIVE_UP_S, verify=NO_CERTIFICATES) as http,
        http.stream(method, url, **options) as response,
    ):
        async for line in response.aiter_lines():
            if content := line.removeprefix("data: ").strip():
                message: dict[str, Any] = json.loads(content)
                return message
    return None
