"""A proxy endpoint: it connects each client as the user in its ticket, and allows other events only to MEMBER."""

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.json_server import json_server

MEMBER, OUTSIDER = "member", "outsider"
REFUSED = {"error": {"code": 403, "message": "not allowed"}}


@dataclass
class DecidingProxy:
    """Answers requests of Centrifugo.

    `asked` has the event and the channel of each request after connect. `headers` has the headers of every request.
    """

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def answer(self, path: str, headers: Mapping[str, str], request: Any) -> Any:
        self.headers.append(headers)
        event = path.rpartition("/")[2]
        if event == "connect":
            data = request["data"] if "data" in request else json.loads(base64.b64decode(request["b64data"]))
            return {"result": {"user": data["token"]}}
        self.asked.append((event, request.get("channel", "")))
        return {"result": {}} if request["user"] == MEMBER else REFUSED


@contextmanager
def deciding_proxy(tls: ssl.SSLContext | None = None) -> Iterator[DecidingProxy]:
    """A running proxy endpoint on loopback."""
    proxy = DecidingProxy()
    with json_server(proxy.answer, tls) as url:
        proxy.url = url
        yield proxy
