"""System checks of the OTEL_* variables. Ids are never reused.

The findings are warnings, because the service and the bridge work without traces. If a missing file appears later, the
next export uses it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from common.certificates import has_authorities, why_no_pair
from common.files import PEM_BYTES
from common.safe_path import safe_path
from common.unreadable import why_unreadable
from realtime_site.variables.trace_options import TraceOptions, trace_options


@register("variables")
def check_trace_files(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the TLS files for the collector can be read and used. Without https, the files have no effect."""
    options = trace_options(settings)
    if options is None or not options.endpoint.lower().startswith("https:"):
        return []
    return [*_authorities(options.ca_file), *_client_certificate(options)]


def _authorities(path: str) -> Iterator[CheckMessage]:
    if not path:
        return
    name = variable("CERTIFICATE")
    if problem := why_unreadable(path, PEM_BYTES):
        yield unusable_trace_file(name, problem)
    elif not has_authorities(path):
        yield unusable_trace_file(name, f"{safe_path(path)} contains no valid PEM certificate")


def _client_certificate(options: TraceOptions) -> Iterator[CheckMessage]:
    """Check the client certificate and its key. The certificate's file may also contain the key."""
    certificate, key = variable("CLIENT_CERTIFICATE"), variable("CLIENT_KEY")
    if options.client_key and not options.client_certificate:
        yield trace_key_alone(key, certificate)
        return
    given = {certificate: options.client_certificate, key: options.client_key}
    problems = {name: why_unreadable(path, PEM_BYTES) for name, path in given.items() if path}
    if any(problems.values()):
        yield from (unusable_trace_file(name, problem) for name, problem in problems.items() if problem)
    elif problems and (problem := why_no_pair(options.client_certificate, options.client_key)):
        yield unusable_trace_file(f"{certificate} and {key}" if options.client_key else certificate, problem)


def variable(name: str) -> str:
    """The variable that has effect: the variable for traces if it is set, else the variable for all signals."""
    for_traces = f"OTEL_EXPORTER_OTLP_TRACES_{name}"
    return for_traces if getattr(settings, for_traces) else f"OTEL_EXPORTER_OTLP_{name}"


def unusable_trace_file(names: str, problem: str) -> Warning:
    return Warning(
        f"{names}: {problem}. No trace reaches the collector.",
        hint="Mount a PEM file at that path and let this process read it, or unset the variable.",
        id="realtime_site.W001",
    )


def trace_key_alone(key: str, certificate: str) -> Warning:
    return Warning(
        f"{key} is set without {certificate}, and has no effect.",
        hint="Set both to use a client certificate, or unset both.",
        id="realtime_site.W002",
    )
