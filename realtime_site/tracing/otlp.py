"""Exports spans over OTLP/HTTP. https://opentelemetry.io/docs/specs/otlp/#otlphttp"""

import gzip
import logging
import threading
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Final

import urllib3
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from common.os_errors import network_reason, reason
from realtime_site.tracing.encoder import encode, encode_records, encode_resource, encode_scope
from realtime_site.tracing.queue import Ended, spans_of
from realtime_site.tracing.records import Record
from realtime_site.variables.trace_options import TraceOptions

# Statuses after which the collector may accept the same spans later. All other statuses are final.
RETRYABLE: Final = frozenset({429, 502, 503, 504})
FIRST_PAUSE_S: Final = 0.5
LONGEST_ANSWER: Final = 64 * 1024
AT_A_TIME: Final = 32  # how many records are encoded before other threads may run

logger = logging.getLogger("opentelemetry.exporter")  # rate-limited by the site's logging


class LeanExporter(SpanExporter):
    """Exports records with our encoder, and spans of the SDK with the SDK's encoder.

    Records become spans of `instrumentation_scope`. Proxies in the environment and redirects are ignored, because the
    headers may contain a secret.
    """

    def __init__(self, options: TraceOptions, resource: Resource, instrumentation_scope: InstrumentationScope) -> None:
        self._options = options
        self._resource, self._scope = encode_resource(resource), encode_scope(instrumentation_scope)
        self._stopped = threading.Event()
        self._headers = {**options.headers, "Content-Type": "application/x-protobuf"}
        if options.gzip:
            self._headers["Content-Encoding"] = "gzip"
        manager = urllib3.PoolManager(
            num_pools=1,
            ca_certs=options.ca_file or None,
            cert_file=options.client_certificate or None,
            key_file=options.client_key or None,
        )
        self._http = manager.connection_from_url(options.endpoint)  # the manager would parse the URL for each export
        self._target = urllib3.util.parse_url(options.endpoint).request_uri

    def export(self, spans: Sequence[Ended]) -> SpanExportResult:
        """Send the spans; after a temporary failure, try again within the timeout."""
        if self._stopped.is_set():
            return SpanExportResult.FAILURE
        body = self._encoded(spans)
        until, pause_s = monotonic() + self._options.timeout_s, FIRST_PAUSE_S
        while True:
            problem, final = self._post(body, until - monotonic())
            if not problem:
                return SpanExportResult.SUCCESS
            if final or monotonic() + pause_s >= until or self._stopped.wait(pause_s):
                logger.warning("%d spans were not exported: %s", sum(map(spans_of, spans)), problem)
                return SpanExportResult.FAILURE
            pause_s *= 2

    def shutdown(self) -> None:
        """Stop exporting. An export that waits for a retry gives up."""
        self._stopped.set()
        self._http.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing to do: this exporter has no buffer."""
        return True

    def _encoded(self, spans: Sequence[Ended]) -> bytes:
        records = [span for span in spans if isinstance(span, tuple)]
        others = [span for span in spans if not isinstance(span, tuple)] if len(records) < len(spans) else []
        body = self._encoded_records(records) if records else b""
        if others or not records:
            body += encode_spans(others).SerializeToString()
        return gzip.compress(body, 1) if self._options.gzip else body

    def _encoded_records(self, records: list[Record]) -> bytes:
        """The encoded records. A few are encoded at a time, so that the event loop soon gets the interpreter lock."""
        parts = []
        for start in range(0, len(records), AT_A_TIME):
            parts.append(encode_records(records[start : start + AT_A_TIME]))
            sleep(0)
        return encode(parts, self._resource, self._scope)

    def _post(self, body: bytes, timeout_s: float) -> tuple[str, bool]:
        """Send once. Returns the problem ("" if there is none), and True if a retry cannot help."""
        try:
            response = self._http.urlopen(
                "POST",
                self._target,
                body=body,
                headers=self._headers,
                retries=False,
                timeout=max(timeout_s, 0.001),
                redirect=False,
                preload_content=False,
            )
            response.read(LONGEST_ANSWER)
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _failure(error), False
        if 200 <= response.status < 300:
            return "", True
        return f"the collector answered with status {response.status}", response.status not in RETRYABLE


def _failure(error: Exception) -> str:
    """The problem, without the URL. If `error` wraps an OSError, the OSError is an argument or the cause of `error`."""
    cause = next((each for each in (error, *error.args, error.__cause__) if isinstance(each, OSError)), None)
    match cause:
        case FileNotFoundError() | PermissionError() | IsADirectoryError():
            files = "OTEL_EXPORTER_OTLP_CERTIFICATE, …_CLIENT_CERTIFICATE or …_CLIENT_KEY"
            return f"cannot read a file of {files} ({reason(cause)})"
        case OSError():
            return f"{type(error).__name__} at the collector ({network_reason(cause)})"
        case _:
            return f"{type(error).__name__} at the collector"
