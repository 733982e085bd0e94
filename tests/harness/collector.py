"""A span collector on loopback that keeps what it receives."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.harness.http_server import http_server


@dataclass
class Collector:
    """Records the paths, headers and bodies of the received POSTs; `url` is the address of the collector.

    `answers` are the statuses of its next answers, followed by 200. `clients` are the addresses of the connections.
    """

    url: str
    answers: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    clients: set[tuple[str, int]] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    exports: list[ExportTraceServiceRequest] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """All spans received so far."""
        resources = [resource for export in self.exports for resource in export.resource_spans]
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]


@contextmanager
def collector(path: str = "/v1/traces") -> Iterator[Collector]:
    """A running collector."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            sink.paths.append(self.path)
            sink.headers.append(dict(self.headers))
            sink.clients.add(self.client_address)
            sink.exports.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(sink.answers.pop(0) if sink.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http_server(Handler) as url:
        sink = Collector(url + path)
        yield sink
