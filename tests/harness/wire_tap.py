"""A proxy between Centrifugo and the service that forwards bodies unchanged and records both sides."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import httpx

from tests.harness.http_server import http_server
from tests.harness.plain_http import NO_CERTIFICATES

HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding"}


class Exchange(NamedTuple):
    """A request of Centrifugo and the service's answer. `event` is the last part of the path."""

    event: str
    request: dict[str, Any]
    status: int
    body: bytes

    @property
    def answer(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class WireTap:
    """A running tap; `url` is the endpoint for Centrifugo."""

    url: str
    exchanges: list[Exchange] = field(default_factory=list)

    def of(self, event: str, **fields: Any) -> list[Exchange]:
        """The exchanges of this event whose requests have these fields."""
        return [
            exchange
            for exchange in list(self.exchanges)
            if exchange.event == event and fields.items() <= exchange.request.items()
        ]

    def answers(self, event: str, **fields: Any) -> list[Any]:
        """The parsed answers of the exchanges that `of` returns."""
        return [exchange.answer for exchange in self.of(event, **fields)]


@contextmanager
def wire_tap(service_port: int) -> Iterator[WireTap]:
    """A running tap on loopback, in its own threads."""
    with httpx.Client(base_url=f"http://127.0.0.1:{service_port}", timeout=30, verify=NO_CERTIFICATES) as service:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                answer = service.post(self.path, content=body, headers=headers)
                event = self.path.rpartition("/")[2]
                tap.exchanges.append(Exchange(event, json.loads(body), answer.status_code, answer.content))
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        with http_server(Handler) as url:
            tap = WireTap(url)
            yield tap
