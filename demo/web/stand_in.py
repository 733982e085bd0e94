"""Stands in for Centrifugo: sends the service the requests that Centrifugo would send for the page's clients."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientError, ClientSession

from demo.service import GUARD_HEADER, endpoint
from demo.web.feed import Feed

KEPT_CONNECTIONS: Final = 1000
UNKNOWN: Final = {"disconnect": {"code": 3005, "reason": "connection expired"}}
INTERNAL: Final = {"error": {"code": 100, "message": "internal server error"}}
# The answers that clients get for an HTTP status of the service. The Centrifugo configuration that the service prints
# contains the same transform.
TRANSFORMED: Final = {401: {"disconnect": {"code": 4401, "reason": "invalid ticket"}}}


@dataclass
class Connection:
    """The facts that Centrifugo keeps about a client. The client never receives `meta`."""

    client: str
    user: str
    meta: Mapping[str, Any]
    channels: set[str] = field(default_factory=set)


class StandIn:
    """Keeps the connections of the page's clients, and sends Centrifugo's requests about them to the service."""

    def __init__(self, session: ClientSession, service_url: str, guard_token: str, publications: Feed) -> None:
        self._session, self._url, self._publications = session, service_url, publications
        self._headers = {GUARD_HEADER: guard_token}
        self._connections: dict[str, Connection] = {}

    async def connect(self, ticket: str) -> Mapping[str, Any]:
        """Connect a new client with this ticket. The answer has one key: `connected`, `error` or `disconnect`."""
        client = str(uuid.uuid4())
        transport = {"transport": "websocket", "protocol": "json", "encoding": "json"}
        answer = await self._post("connect", client=client, **transport, data={"token": ticket})
        if "result" not in answer:
            return answer
        result = answer["result"]
        if len(self._connections) >= KEPT_CONNECTIONS:
            del self._connections[next(iter(self._connections))]
        self._connections[client] = Connection(client, result["user"], result.get("meta", {}))
        return {"connected": {"client": client, "data": result.get("data"), "expire_at": result.get("expire_at")}}

    async def refresh(self, client: str) -> Mapping[str, Any]:
        """Refresh an expired connection. The answer has one key: `connected`, `error` or `disconnect`."""
        connection = self._connections.get(client)
        if connection is None:
            return UNKNOWN
        answer = await self._post("refresh", client=client, user=connection.user, meta=connection.meta)
        result = answer.get("result")
        if result is None:
            return answer
        if result.get("expired"):
            self.leave(client)
            return UNKNOWN
        connection.meta = result.get("meta", connection.meta)
        return {"connected": {"client": client, "expire_at": result.get("expire_at")}}

    async def subscribe(self, client: str, channel: str) -> Mapping[str, Any]:
        """Subscribe a client to a channel, or refresh its expired subscription.

        The answer has one key: `subscribed`, `expired`, `error` or `disconnect`.
        """
        connection = self._connections.get(client)
        if connection is None:
            return UNKNOWN
        event = "sub_refresh" if channel in connection.channels else "subscribe"
        answer = await self._post(event, **_about(connection, channel))
        result = answer.get("result")
        if result is None or result.get("expired"):
            connection.channels.discard(channel)
            return answer if result is None else {"expired": True}
        connection.channels.add(channel)
        return {"subscribed": {"expire_at": result.get("expire_at")}}

    async def publish(self, client: str, channel: str, data: object) -> Mapping[str, Any]:
        """Publish a client's message. If the service allows it, the page's clients receive the message."""
        connection = self._connections.get(client)
        if connection is None:
            return UNKNOWN
        answer = await self._post("publish", **_about(connection, channel), data=data)
        if "result" not in answer:
            return answer
        self._publications.add(channel=channel, user=connection.user, data=answer["result"].get("data", data))
        return {"published": {}}

    def leave(self, client: str) -> None:
        self._connections.pop(client, None)

    async def _post(self, event: str, **body: Any) -> dict[str, Any]:
        """Send a request to the service. Returns the answer as Centrifugo would pass it on to the client."""
        try:
            async with self._session.post(endpoint(self._url, event), json=body, headers=self._headers) as response:
                answer: dict[str, Any] = await response.json()
        except (ClientError, TimeoutError):
            return INTERNAL
        return answer if response.status == 200 else TRANSFORMED.get(response.status, INTERNAL)


def _about(connection: Connection, channel: str) -> dict[str, Any]:
    return {"client": connection.client, "user": connection.user, "meta": connection.meta, "channel": channel}
