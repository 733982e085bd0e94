"""The app and its backend's ticket endpoint from docs/fallback.md, with an identity service that can be down."""

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Any

from tests.documents.fallback_page import code, ticket_endpoint
from tests.e2e.tickets import TicketOffice
from tests.harness.node import PACKAGES
from tests.harness.tcp_server import tcp_server

QUICK_MS = 1000  # the SDK's own maximum is 20 seconds
# The code that docs/fallback.md leaves to the app, and the reports for the test.
BEFORE = """
import WebSocket from "ws";
globalThis.WebSocket = WebSocket;
const [TICKET_URL, CENTRIFUGO_URL, ...CHANNELS] = process.argv.slice(2);
const report = (...event) => console.log(JSON.stringify(event));
const showDegraded = (degraded) => report("degraded", degraded);
const show = (channel, data) => report("shown", channel, data);
"""
AFTER = """
client.on("disconnected", ({ code }) => report("disconnected", code));
for (const subscription of Object.values(client.subscriptions())) {
  subscription.on("subscribed", () => report("subscribed", subscription.channel));
  subscription.on("unsubscribed", ({ code }) => report("unsubscribed", subscription.channel, code));
}
"""


class Backend:
    """The app's backend: its ticket endpoint over HTTP, and its part of the fallback tickets."""

    def __init__(self, office: TicketOffice, tickets: list[str], **fields: Any) -> None:
        self._page = ticket_endpoint()
        self._database = sqlite3.connect(":memory:")
        self._page["fill"](self._database, tickets)
        self._office, self._fields = office, fields
        self.identity_up = True
        self.handed_out = 0
        self.url = ""

    def ticket(self, user: str, *, has_spare: bool) -> tuple[int, dict[str, Any]]:
        """The endpoint's answer for this user."""
        status, body = self._page["realtime_ticket"](user, has_spare, self._issue, self._database)
        self.handed_out += body.get("fallback", False) and body["ticket"] is not None
        return status, body

    def _issue(self, user: str) -> str:
        if not self.identity_up:
            raise self._page["IdentityDown"]
        return self._office.issue(user, **self._fields)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        status, body = self.ticket("u-js", has_spare=asked["spare"])
        content = json.dumps(body).encode()
        writer.write(b"HTTP/1.1 %d -\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(content)))
        writer.write(content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Backend"]:
        """Serve the endpoint; `url` is its address."""
        with closing(self._database):
            async with tcp_server(self._serve) as port:
                self.url = f"http://127.0.0.1:{port}/realtime/ticket"
                yield self


@dataclass
class JsApp:
    """A running app with the code of docs/fallback.md; `events` are its reports, in order."""

    events: list[list[Any]] = field(default_factory=list)

    def degraded(self) -> list[bool]:
        """The value of `degraded` that the app displayed after each connect."""
        return [event[1] for event in self.events if event[0] == "degraded"]

    def subscribed(self) -> list[str]:
        return [event[1] for event in self.events if event[0] == "subscribed"]

    def shown(self) -> list[list[Any]]:
        """The channel and the data of each received publication."""
        return [event[1:] for event in self.events if event[0] == "shown"]

    def ended(self) -> list[list[Any]]:
        """The subscriptions and connections that ended without a retry."""
        return [event for event in self.events if event[0] in ("disconnected", "unsubscribed")]


@asynccontextmanager
async def js_app(ticket_url: str, centrifugo_url: str, channels: tuple[str, ...]) -> AsyncIterator[JsApp]:
    """The app in Node.js, with its longest delays shortened."""
    page = code("js").replace("{ getData }", f"{{ getData, maxReconnectDelay: {QUICK_MS} }}")
    page = page.replace("newSubscription(channel)", f"newSubscription(channel, {{ maxResubscribeDelay: {QUICK_MS} }})")
    with tempfile.NamedTemporaryFile("w", suffix=".mjs", dir=PACKAGES) as script:
        script.write(BEFORE + page + AFTER)
        script.flush()
        command = ("node", script.name, ticket_url, centrifugo_url, *channels)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        app = JsApp()
        reading = asyncio.create_task(_read(process.stdout, app))
        try:
            yield app
        finally:
            process.kill()
            await process.wait()
            await reading


async def _read(stdout: asyncio.StreamReader | None, app: JsApp) -> None:
    assert stdout is not None
    async for line in stdout:
        app.events.append(json.loads(line))
