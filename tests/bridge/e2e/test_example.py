"""Every action of routes.example on a real Centrifugo, and its effect on a client."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import orjson
import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from bridge.centrifugo.api import open_api
from bridge.commands import Command, Mapped
from bridge.delivery.verdicts import DONE
from bridge.mapping.mapper import RouteMapper
from bridge.routing.file import load_routes
from tests.bridge.example_records import EXAMPLE, RECORDS
from tests.bridge.given import NOW_MS, record
from tests.harness import centrifugo
from tests.harness.centrifugo import Centrifugo, Config
from tests.harness.plain_http import NO_CERTIFICATES

pytestmark = pytest.mark.processes
GIVE_UP_S = 30.0
USER = "u1"
MARKER = "coach:marker"  # when a publication arrives in this channel, all earlier ones have arrived
MAPPER = RouteMapper(load_routes(str(EXAMPLE / "routes.toml")))


@dataclass(frozen=True)
class Server:
    """A Centrifugo, the key of its API, and the secret that signs its clients' tokens."""

    major: int
    centrifugo: Centrifugo
    key: str
    secret: str

    def token(self, user: str) -> str:
        """A JWT: https://centrifugal.dev/docs/server/authentication"""
        parts = [encoded(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": user})]
        signed = ".".join(parts)
        return f"{signed}.{encoded(hmac.digest(self.secret.encode(), signed.encode(), hashlib.sha256))}"

    async def send(self, commands: Sequence[Command]) -> None:
        """Send the commands one after another, as the bridge does for a record. Assert that each command is done."""
        url = f"{self.centrifugo.url}/api"
        async with open_api(url, key=self.key, timeout_s=GIVE_UP_S, requests=1, parallel=True) as api:
            for command in commands:
                assert await api.send([command], ordered=False) == [DONE]

    async def history(self, channel: str) -> list[Any]:
        """The data of the publications in the channel's history."""
        async with httpx.AsyncClient(headers={"X-API-Key": self.key}, trust_env=False, verify=NO_CERTIFICATES) as http:
            asked = {"channel": channel, "limit": 100}
            answer = await http.post(f"{self.centrifugo.url}/api/history", json=asked)
        return [publication["data"] for publication in answer.json()["result"].get("publications", [])]


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def config_of(major: int, key: str, secret: str) -> Config:
    """A configuration with the example's namespaces, and with the options that its actions need."""
    options = {"allow_subscribe_for_client": True, "history_size": 10, "history_ttl": "60s", "force_recovery": True}
    deltas = {"entry": {"allowed_delta_types": ["fossil"]}}
    namespaces = [{"name": name, **options, **deltas.get(name, {})} for name in ("family", "entry", "user", "coach")]
    if major == 5:
        return {"api_key": key, "token_hmac_secret_key": secret, "namespaces": namespaces}
    return {
        "http_api": {"key": key},
        "client": {"token": {"hmac_secret_key": secret}},
        "channel": {"namespaces": namespaces},
    }


@pytest.fixture(scope="module", params=centrifugo.majors(), ids="v{}".format)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    binary = centrifugo.binary(request.param)
    if binary is None:
        pytest.skip(f"Centrifugo v{request.param} is missing: `make centrifugos` builds it with Go.")
    key, secret = secrets.token_hex(8), secrets.token_hex(16)
    with centrifugo.running(binary, config_of(request.param, key, secret)) as running:
        yield Server(request.param, running, key, secret)


@dataclass
class Client:
    """A connection of USER. `closed` is the code and the reason with which it was closed.

    `pushes` has the channel, the kind and the content of each publication, unsubscribe and reply that Centrifugo sent.
    A reply has an empty channel, the kind "reply", and the number of its command as content.
    """

    socket: Any
    pushes: list[tuple[str, str, Any]] = field(default_factory=list)
    closed: tuple[int, str] | None = None

    def publications(self) -> list[tuple[str, Any]]:
        return [(channel, content["data"]) for channel, kind, content in self.pushes if kind == "pub"]

    async def listen(self) -> None:
        """Collect messages until the connection is closed."""
        try:
            async for frame in self.socket:
                for line in frame.splitlines():
                    await self._take(json.loads(line))
        except ConnectionClosed:
            pass
        self.closed = (self.socket.close_code, self.socket.close_reason)

    async def _take(self, message: dict[str, Any]) -> None:
        assert "error" not in message, message
        if not message:
            await self.socket.send("{}")
        for kind in ("pub", "unsubscribe"):
            if kind in message.get("push", {}):
                self.pushes.append((message["push"]["channel"], kind, message["push"][kind]))
        if "id" in message:
            self.pushes.append(("", "reply", message["id"]))

    async def until_pushed(self, *, channel: str) -> None:
        async with asyncio.timeout(GIVE_UP_S):
            while not any(pushed == channel for pushed, *_ in self.pushes):
                await asyncio.sleep(0.01)

    async def until_replied(self, command: int) -> None:
        async with asyncio.timeout(GIVE_UP_S):
            while ("", "reply", command) not in self.pushes:
                await asyncio.sleep(0.01)

    async def until_closed(self) -> tuple[int, str]:
        async with asyncio.timeout(GIVE_UP_S):
            while self.closed is None:
                await asyncio.sleep(0.01)
        return self.closed


@asynccontextmanager
async def connected(server: Server, *channels: str) -> AsyncIterator[Client]:
    """A client that is subscribed to these channels."""
    async with websockets.connect(server.centrifugo.websocket, proxy=None) as socket:
        client = Client(socket)
        listening = asyncio.create_task(client.listen())
        commands: list[Any] = [{"id": 1, "connect": {"token": server.token(USER)}}]
        commands += [{"id": number, "subscribe": {"channel": channel}} for number, channel in enumerate(channels, 2)]
        await socket.send("\n".join(map(json.dumps, commands)))
        await client.until_replied(len(commands))
        client.pushes.clear()
        yield client
        listening.cancel()


def commands_of(name: str, *, offset: int = 0, **changes: Any) -> tuple[Command, ...]:
    """The commands that this route of the example makes from its record. `changes` replaces fields of the value."""
    topic, value, headers = RECORDS[name]
    body = value if isinstance(value, bytes) else {**value, **changes}
    read = msgspec.structs.replace(record(body, topic=topic, headers=headers), offset=offset)
    outcome = MAPPER.outcome(read, NOW_MS)
    assert isinstance(outcome, Mapped)
    assert outcome.failures == ()
    return tuple(command for command in outcome.commands if command.route == name)


async def mark(server: Server) -> None:
    """Publish to MARKER."""
    async with httpx.AsyncClient(headers={"X-API-Key": server.key}, trust_env=False, verify=NO_CERTIFICATES) as http:
        await http.post(f"{server.centrifugo.url}/api/publish", json={"channel": MARKER, "data": {}})


PUBLISHED = {
    "diary-entry": ["family:f1:diary"],
    "calendar-event": ["family:f1:calendar"],
    "notification": ["user:u1", "user:u2"],
    "family-profile": ["family:f1:profile"],
    "diary-entry-state": ["entry:f1:e1"],
}


@pytest.mark.parametrize("name", PUBLISHED)
async def test_a_publication_reaches_its_channels_once_although_it_is_sent_twice(server: Server, name: str) -> None:
    channels = PUBLISHED[name]
    [command] = commands_of(name)
    [request] = orjson.loads(command.encoded).values()

    async with connected(server, *channels, MARKER) as client:
        await server.send([command])
        await server.send([command])
        await mark(server)
        await client.until_pushed(channel=MARKER)

    received = [publication for publication in client.publications() if publication[0] != MARKER]
    assert sorted(received) == [(channel, request["data"]) for channel in channels]


async def test_tags_are_published_beside_the_data(server: Server) -> None:
    async with connected(server, "family:f2:diary") as client:
        await server.send(commands_of("diary-entry", family_id="f2"))
        await client.until_pushed(channel="family:f2:diary")

    [(_, _, publication)] = client.pushes
    assert publication["tags"] == {"kind": "diary"}


async def test_an_older_version_of_an_entry_does_not_overwrite_a_newer_one(server: Server) -> None:
    """Centrifugo v5 ignores versions; check_routes warns about this."""
    newer = commands_of("diary-entry-state", offset=1, entry_id="e2", version=9)
    older = commands_of("diary-entry-state", offset=2, entry_id="e2", version=8)

    await server.send([*newer, *older])

    assert [data["version"] for data in await server.history("entry:f1:e2")] == ([9] if server.major > 5 else [9, 8])


async def test_words_of_the_coach_arrive_and_are_not_kept_in_the_history(server: Server) -> None:
    async with connected(server, "coach:u1") as client:
        await server.send(commands_of("coach-words"))
        await client.until_pushed(channel="coach:u1")

    assert client.publications() == [("coach:u1", {"reply_id": "r1", "n": 3, "words": "Well done"})]
    assert await server.history("coach:u1") == []


async def test_a_removed_member_first_loses_the_chat_and_then_the_connection(server: Server) -> None:
    async with connected(server, "family:f1:members", "family:f1:chat") as client:
        await server.send(commands_of("member-removed"))
        closed = await client.until_closed()

    members, chat = client.pushes
    assert (members[0], members[2]["data"]) == ("family:f1:members", {"type": "member.removed", "user": "u1"})
    assert (chat[0], chat[1], chat[2]["code"]) == ("family:f1:chat", "unsubscribe", 2000)
    assert closed == (4100, "left the family")


@pytest.mark.parametrize(
    ("name", "closed"),
    [("parental-lock", (3005, "connection expired")), ("account-closed", (4501, "account closed"))],
)
async def test_a_parental_lock_and_a_closed_account_close_the_connections_of_the_user(
    server: Server, name: str, closed: tuple[int, str]
) -> None:
    async with connected(server) as client:
        await server.send(commands_of(name))

        assert await client.until_closed() == closed
