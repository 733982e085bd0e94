"""The OTEL_* settings as one value. Does not import OpenTelemetry, because tracing may be off.

These pages explain the variables and their precedence: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from common.hidden_text import HiddenText

if TYPE_CHECKING:
    from django.conf import LazySettings

TRACES_PATH: Final = "/v1/traces"
SERVICE_NAME: Final = "aim2be-realtime-service"
SAMPLERS: Final = (
    "parentbased_traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "traceidratio",
    "always_on",
    "always_off",
)
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Sampling(NamedTuple):
    """The ratio of traces to keep, 0.0–1.0. If `parent_based`, the caller's decision takes precedence."""

    ratio: float
    parent_based: bool


class TraceOptions(NamedTuple):
    """Sampling and export of spans. `endpoint` is the full URL; "" = no export. An unused file path is ""."""

    endpoint: str
    service_name: str
    sampling: Sampling
    headers: Mapping[str, str]
    timeout_s: float
    gzip: bool
    ca_file: str
    client_certificate: str
    client_key: str
    delay_s: float  # between exports


def trace_options(settings: "LazySettings") -> TraceOptions | None:
    """The options of these settings; None if tracing is off."""
    if settings.OTEL_SDK_DISABLED == "true" or settings.OTEL_TRACES_EXPORTER == "none":
        return None
    return TraceOptions(
        endpoint=settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or whole_url(settings.OTEL_EXPORTER_OTLP_ENDPOINT),
        service_name=settings.OTEL_SERVICE_NAME,
        sampling=sampling(settings.OTEL_TRACES_SAMPLER, settings.OTEL_TRACES_SAMPLER_ARG),
        headers=_either(settings, "HEADERS"),
        timeout_s=_either(settings, "TIMEOUT") / 1000,
        gzip=_either(settings, "COMPRESSION") == "gzip",
        ca_file=_either(settings, "CERTIFICATE"),
        client_certificate=_either(settings, "CLIENT_CERTIFICATE"),
        client_key=_either(settings, "CLIENT_KEY"),
        delay_s=settings.OTEL_BSP_SCHEDULE_DELAY / 1000,
    )


def _either(settings: "LazySettings", name: str) -> Any:
    """The value of the variable for traces if it is set, else the value of the variable for all signals."""
    return getattr(settings, f"OTEL_EXPORTER_OTLP_TRACES_{name}") or getattr(settings, f"OTEL_EXPORTER_OTLP_{name}")


def whole_url(endpoint: str) -> str:
    """Appends /v1/traces to a base URL. A URL with a path or a query is returned unchanged."""
    base = endpoint.rstrip("/")
    return base + TRACES_PATH if base and urlsplit(base).path == "" and not urlsplit(base).query else endpoint


def sampling(sampler: str, ratio: float) -> Sampling:
    """The sampler with this name. Only samplers with a ratio use `ratio`."""
    name = sampler.removeprefix("parentbased_")
    return Sampling({"always_on": 1.0, "always_off": 0.0}.get(name, ratio), parent_based=name != sampler)


def headers(raw: str) -> dict[str, str]:
    """The headers in a comma-separated list of name=value with percent-encoded values.

    Raises ValueError; its message says what is accepted. The values are secrets, so their representation is hidden.
    """
    return {name: HiddenText(value) for name, value in _headers(raw)}


def _headers(raw: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, map(str.strip, raw.split(","))):
        name, equals, value = (part.strip() for part in pair.partition("="))
        value = unquote(value)
        if not equals or not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ValueError("a comma-separated list of name=value, with percent-encoded values")
        yield name, value


def timeout_or_unset(raw: str) -> int | None:
    """Milliseconds; None for an empty value. Raises ValueError; its message says what is accepted."""
    if not raw:
        return None
    if re.fullmatch(r"[0-9]{1,5}", raw) and 1 <= int(raw) <= 60000:
        return int(raw)
    raise ValueError("1–60000 (milliseconds), or empty")


def compression_or_unset(raw: str) -> str:
    """gzip, none or empty, in any case. Raises ValueError; its message says what is accepted."""
    if raw.lower() in ("", "gzip", "none"):
        return raw.lower()
    raise ValueError("gzip, none, or empty")


def protocol(raw: str) -> str:
    """The only supported protocol, or empty. Raises ValueError; its message says what is accepted."""
    if raw.lower() in ("", "http/protobuf"):
        return raw.lower()
    raise ValueError("http/protobuf, or empty")
