"""A proxy endpoint for Centrifugo's session events that records the requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.json_server import json_server


@dataclass
class SessionEventProxy:
    """Answers every RPC with an empty object."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def session_event_proxy() -> Iterator[SessionEventProxy]:
    """A running proxy endpoint on loopback."""
    proxy = SessionEventProxy()

    def answer(path: str, headers: object, request: dict[str, Any]) -> Any:
        proxy.requests.append(request)
        return {"result": {"data": {}}}

    with json_server(answer) as url:
        proxy.url = f"{url}/"
        yield proxy
