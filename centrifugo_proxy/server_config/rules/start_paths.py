"""Paths of HTTP handlers that make Centrifugo panic at startup."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret

Refusal = tuple[str, str]  # the path and the problem


class Handler(NamedTuple):
    """An HTTP handler of Centrifugo.

    `option` is the option that sets its path, and `default` is its path if that option is not set.
    `switches` are the options that turn the handler on: one of them is enough. A handler that is on by default has no
    switches. The option `off` turns such a handler off.
    `external` is the option that moves the handler from the internal port to the external port. It is "" for a handler
    that is always on the external port, and "never" if no option moves the handler.
    `subtree` is true for a handler that also serves all paths below its own.
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
# The options for the host and the port, first of the external address, then of the internal address.
ADDRESSES: Final = {
    6: (
        ("http_server.address", "http_server.port"),
        ("http_server.internal_address", "http_server.internal_port"),
    ),
    5: (("address", "port"), ("internal_address", "internal_port")),
}
# The patterns that Go accepts, except those with a method, {name...} or {$}. A wildcard must be a whole segment:
# https://pkg.go.dev/net/http#hdr-Patterns-ServeMux
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
            yield handler.option, f"{other} has the same path, {pattern}"


def _is_served(handler: Handler, configuration: Configuration) -> bool:
    if handler.off:
        return not configuration.is_on(handler.off)
    return any(map(configuration.is_on, handler.switches))


def _pattern(handler: Handler, configuration: Configuration) -> str:
    """The pattern that Centrifugo registers in Go. An empty prefix means the default path in v6, and / in v5."""
    prefix = configuration.text(handler.option, handler.default)
    if configuration.major == 6:
        prefix = prefix or handler.default
    trimmed = prefix.rstrip("/")
    return f"{trimmed}/" if handler.subtree else trimmed or "/"


def _is_external(handler: Handler, configuration: Configuration) -> bool:
    """True if the external port serves the handler. If there is no internal port, it serves all handlers."""
    if not handler.external or not _has_internal_port(configuration):
        return True
    return handler.external != "never" and configuration.is_on(handler.external)


def _has_internal_port(configuration: Configuration) -> bool:
    """True if the internal address differs from the external address.

    An empty internal host or port means the external host or port.
    """
    (host, port), (internal_host, internal_port) = ADDRESSES[configuration.major]
    external = configuration.text(host), configuration.text(port, "8000")
    internal = configuration.text(internal_host), configuration.text(internal_port)
    return tuple(own or other for own, other in zip(internal, external, strict=True)) != external
