"""A proxy endpoint for Centrifugo's session events that records the requests."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class SessionEventProxy:
    """Answers every RPC with an empty object."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def session_event_proxy() -> Iterator[SessionEventProxy]:
    """A running proxy endpoint on loopback, in its own thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            proxy.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"result":{"data":{}}}')

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy = SessionEventProxy(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield proxy
        server.shutdown()
        thread.join()
