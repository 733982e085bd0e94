"""Paths of Centrifugo's HTTP handlers with which it panics at startup."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret

Refusal = tuple[str, str]  # the path and the problem


class Handler(NamedTuple):
    """The option of a handler's path, its default, and the switches of the handler, of which one must be on.

    `off` is the switch of a handler that is on by default. `external` is the switch that moves the handler to the
    external port; "" for a handler that is always there, and "never" for one that is never there. `subtree` is true for
    a handler that serves all paths below its own.
    """

    option: str
    default: str
    switches: tuple[str, ...] = ()
    off: str = ""
    external: str = ""
    subtree: bool = False


TRANSPORTS: Final = ("webtransport", "http_stream", "sse", "uni_websocket", "uni_sse", "uni_http_stream")


def _transport(name: str) -> Handler:
    return Handler(f"{name}.handler_prefix", f"/connection/{name}", (f"{name}.enabled",))


def _transport_of_v5(name: str) -> Handler:
    return Handler(f"{name}_handler_prefix", f"/connection/{name}", (name,))


# https://centrifugal.dev/docs/server/configuration#endpoint-configuration
HANDLERS: Final = {
    6: (
        Handler("websocket.handler_prefix", "/connection/websocket", off="websocket.disabled"),
        *map(_transport, (*TRANSPORTS, "init")),
        Handler("emulation.handler_prefix", "/emulation", ("sse.enabled", "http_stream.enabled")),
        Handler("http_api.handler_prefix", "/api", off="http_api.disabled", external="http_api.external"),
        Handler("admin.handler_prefix", "", ("admin.enabled",), external="admin.external", subtree=True),
        Handler("swagger.handler_prefix", "/swagger", ("swagger.enabled",), external="never", subtree=True),
        Handler("prometheus.handler_prefix", "/metrics", ("prometheus.enabled",), external="never"),
        Handler("health.handler_prefix", "/health", ("health.enabled",), external="never"),
    ),
    5: (
        Handler("websocket_handler_prefix", "/connection/websocket", off="websocket_disable"),
        *map(_transport_of_v5, TRANSPORTS),
        Handler("emulation_handler_prefix", "/emulation", ("sse", "http_stream")),
        Handler("api_handler_prefix", "/api", off="api_disable", external="api_external"),
        Handler("admin_handler_prefix", "", ("admin",), external="admin_external", subtree=True),
        Handler("swagger_handler_prefix", "/swagger", ("swagger",), external="never", subtree=True),
        Handler("prometheus_handler_prefix", "/metrics", ("prometheus",), external="never"),
        Handler("health_handler_prefix", "/health", ("health",), external="never"),
    ),
}
INTERNAL: Final = {
    6: ("http_server.internal_port", "http_server.internal_address"),
    5: ("internal_port", "internal_address"),
}
# Go's patterns: https://pkg.go.dev/net/http#hdr-Patterns-ServeMux. A segment may be one whole wildcard.
PATTERN: Final = re.compile(r"[^/{}\s]*(/([^/{}\s]*|\{[A-Za-z_]\w*\}))+")


def path_refusals(configuration: Configuration) -> Iterator[Refusal]:
    """The path and reason of each refused option."""
    seen: dict[tuple[bool, str], str] = {}
    for handler in HANDLERS[configuration.major]:
        value = configuration.option(handler.option).value
        if isinstance(value, FromSecret) or not _is_served(handler, configuration):
            continue
        pattern = _pattern(handler, configuration)
        if not PATTERN.fullmatch(pattern):
            yield handler.option, "Go cannot serve this path: it must begin with / and have no white space, { or }"
            continue
        other = seen.setdefault((_is_external(handler, configuration), pattern), handler.option)
        if other != handler.option:
            yield handler.option, f"the path {pattern} is that of {other} too"


def _is_served(handler: Handler, configuration: Configuration) -> bool:
    if handler.off:
        return not configuration.is_on(handler.off)
    return any(map(configuration.is_on, handler.switches))


def _pattern(handler: Handler, configuration: Configuration) -> str:
    """What Centrifugo gives to Go. An empty prefix is the default in v6, and / in v5."""
    prefix = configuration.text(handler.option, handler.default)
    if configuration.major == 6:
        prefix = prefix or handler.default
    trimmed = prefix.rstrip("/")
    return f"{trimmed}/" if handler.subtree else trimmed or "/"


def _is_external(handler: Handler, configuration: Configuration) -> bool:
    """Whether the external port serves the handler. Without an internal address it serves all of them."""
    if not any(map(configuration.text, INTERNAL[configuration.major])) or not handler.external:
        return True
    return handler.external != "never" and configuration.is_on(handler.external)
