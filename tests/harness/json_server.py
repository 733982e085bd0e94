"""An HTTP server on loopback that answers JSON with JSON."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.harness.http_server import http_server

# Arguments: the path, the headers by lower-case name, and the body. Returns the body of a 200.
Answer = Callable[[str, Mapping[str, str], Any], Any]


@contextmanager
def json_server(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The URL of a running server, which has its own thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.dumps(answer(self.path, headers, request)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http_server(Handler, tls) as url:
        yield url
