"""A proxy endpoint that lets everybody connect as the user they name, and only members into channels."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MEMBER, OUTSIDER = "member", "outsider"
REFUSED = {"error": {"code": 403, "message": "not allowed"}}


@dataclass
class DecidingProxy:
    """`asked` are the event and the channel of each request after connect."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, event: str, request: dict[str, Any]) -> dict[str, Any]:
        if event == "connect":
            return {"result": {"user": request["data"]["token"]}}
        self.asked.append((event, request.get("channel", "")))
        return {"result": {}} if request["user"] == MEMBER else REFUSED


@contextmanager
def deciding_proxy() -> Iterator[DecidingProxy]:
    """A running one on loopback, in its own thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            proxy.headers.append({name.lower(): value for name, value in self.headers.items()})
            answer = json.dumps(proxy.answer(self.path.rpartition("/")[2], request)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy = DecidingProxy(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield proxy
        server.shutdown()
        thread.join()
