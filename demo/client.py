"""Clients of Centrifugo with the Python SDK: they join a family's chat, say hello, and print what they receive."""

import argparse
import asyncio
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler
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
from centrifuge.exceptions import CentrifugeError, ReplyError

from demo.people import CHAT, HOUSEHOLDS

STARTED = 0
# The SDK's codes for a call of its methods (0) and for a lost connection (1). Only `on_connecting` reports a 1.
OWN_CODES = (STARTED, 1)
PATIENCE_S = 5.0


class Person(ClientEventHandler, SubscriptionEventHandler):  # type: ignore[misc]  # the SDK has no types
    """Prints what a client receives, line by line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.decided = asyncio.Event()  # set once the client has joined, was refused, or is disconnected

    def say(self, text: str) -> None:
        sys.stdout.write(f"{self.name}: {text}\n")
        sys.stdout.flush()

    async def on_connecting(self, ctx: ConnectingContext) -> None:
        if ctx.code != STARTED:
            self.say(f"connection lost: {ctx.code} {ctx.reason}; reconnecting")

    async def on_connected(self, ctx: ConnectedContext) -> None:
        self.say("connected")

    async def on_disconnected(self, ctx: DisconnectedContext) -> None:
        self.decided.set()
        if ctx.code not in OWN_CODES:
            self.say(f"disconnected: {ctx.code} {ctx.reason}")

    async def on_error(self, ctx: ErrorContext | SubscriptionErrorContext) -> None:
        if not isinstance(ctx, SubscriptionErrorContext) or not isinstance(ctx.error, ReplyError):
            self.say(f"an attempt failed: {ctx.error}")
        elif not self.decided.is_set():  # the SDK retries
            self.say(f"may not join {CHAT} for now: {ctx.error.code} {ctx.error.message}; trying again")
            self.decided.set()

    async def on_subscribing(self, ctx: SubscribingContext) -> None:
        if ctx.code not in OWN_CODES:
            self.say(f"removed from {CHAT}: {ctx.code} {ctx.reason}; subscribing again")

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self.say(f"joined {CHAT}")
        self.decided.set()

    async def on_unsubscribed(self, ctx: UnsubscribedContext) -> None:
        if ctx.code not in OWN_CODES:
            self.say(f"may not join {CHAT}: {ctx.code} {ctx.reason}")
        self.decided.set()

    async def on_publication(self, ctx: PublicationContext) -> None:
        self.say(f"received {ctx.pub.data!r} from {ctx.pub.info.user if ctx.pub.info else 'the server'}")

    async def greet(self, client: Client) -> None:
        """Publishes to the chat, even if the client has not joined it. The service decides on each publication."""
        try:
            await client.publish(CHAT, f"hello from the {self.name}")
        except ReplyError as refused:
            self.say(f"may not publish to {CHAT}: {refused.code} {refused.message}")
        except CentrifugeError as failed:
            self.say(f"could not publish to {CHAT}: {type(failed).__name__}")


@asynccontextmanager
async def visiting(url: str, person: Person, ticket: str) -> AsyncIterator[Client]:
    """A client that has joined the chat, was refused, or is disconnected."""
    client = Client(url, person, data={"token": ticket}, proxy=None)
    try:
        await client.connect()
        await client.new_subscription(CHAT, person).subscribe()
        await asyncio.wait_for(person.decided.wait(), PATIENCE_S)
        yield client
    finally:
        await client.disconnect()


async def visit(url: str, tickets: dict[str, str], stay_s: float) -> None:
    """Runs all clients at once for `stay_s` seconds. Raises TimeoutError if a client gets no answer."""
    async with AsyncExitStack() as stack:
        people = [Person(name) for name in tickets]
        clients = [await stack.enter_async_context(visiting(url, each, tickets[each.name])) for each in people]
        for person, client in zip(people, clients, strict=True):
            await person.greet(client)
        await asyncio.sleep(stay_s)


def ticket_of(identity_url: str, name: str) -> str:
    """A fresh ticket. An app gets one from its backend."""
    request = urllib.request.Request(f"{identity_url}/ticket/{name}", method="POST")  # noqa: S310  (an http URL)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=PATIENCE_S) as response:
        return str(response.read().decode().strip())


def no_answer(error: OSError) -> str:
    """The message for an address that does not answer. A TimeoutError is an OSError, and often has no text."""
    return f"No answer: {str(error) or 'it took too long'}. Check that `make run` is still running."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.client", description=__doc__)
    parser.add_argument("centrifugo", help="Centrifugo's WebSocket URL")
    parser.add_argument("identity", help="the URL of the page, which issues tickets")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"users that connect: {', '.join(HOUSEHOLDS)}")
    parser.add_argument("--ticket", help="connect one more client with this ticket")
    parser.add_argument("--stay", type=float, default=1.0, metavar="SECONDS", help="how long they stay (default: 1)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(HOUSEHOLDS):
        parser.error(f"unknown user: {', '.join(sorted(unknown))}; accepted: {', '.join(HOUSEHOLDS)}")
    tickets = {name: ticket_of(options.identity, name) for name in options.names}
    if options.ticket:
        tickets["ticket holder"] = options.ticket
    asyncio.run(visit(options.centrifugo, tickets, options.stay))


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(no_answer(error))
    except KeyboardInterrupt:
        pass
