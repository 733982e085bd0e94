"""Centrifugo v5's layout, flat or with granular proxies: https://centrifugal.dev/docs/5/server/configuration"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS, EVENTS
from centrifugo_proxy.server_config.configuration import (
    DEFAULT_TIMEOUT,
    Configuration,
    Namespace,
    Option,
    Proxy,
    headers,
    is_true,
    tables,
    transforms,
    words,
)
from centrifugo_proxy.server_config.options import settings_of
from centrifugo_proxy.server_config.parsing import lowered

STATIC: Final = "proxy_static_http_headers"
LISTS: Final = ("namespaces", "rpc_namespaces", "proxies", "consumers", "proxy_http_status_code_transforms")
# Centrifugo sends a gRPC client's grpc_metadata as headers of the HTTP request
FROM_CLIENT: Final = ("http_headers", "grpc_metadata")


def read(tree: dict[str, Any], file_format: str, left_over: tuple[str, ...] = ()) -> Configuration:
    """The file as Centrifugo v5 reads it."""
    decoded = {key: _decoded(value) if key in (*LISTS, STATIC) else value for key, value in tree.items()}
    namespaces = tuple(_namespaces(decoded))
    granular = is_true(tree.get("granular_proxy_mode"))
    proxies = tuple(_granular(decoded, namespaces) if granular else _flat(decoded, namespaces))
    settings = tuple(settings_of(decoded, 5))
    lists = {key: decoded.get(key) for key in LISTS}
    return Configuration(5, file_format, tree, settings, proxies, namespaces, left_over, lists)


def _decoded(value: Any) -> Any:
    """Centrifugo v5 also accepts lists and tables as JSON text. Other text is returned unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return lowered(json.loads(value))
    except (ValueError, RecursionError):
        return value


def _namespaces(tree: dict[str, Any]) -> Iterator[Namespace]:
    places = [("", _in_none(tree))]
    places += [(f"namespaces[{index}]", options) for index, options in enumerate(tables(tree.get("namespaces")))]
    for path, options in places:
        yield Namespace(path, options, frozenset(event for event in CHANNEL_EVENTS if _is_proxied(options, event)))


def _in_none(tree: dict[str, Any]) -> dict[str, Any]:
    """The options of channels without a namespace. The top-level `name` is left out: it is the name of the node."""
    return {**tree, "name": ""}


def _is_proxied(options: dict[str, Any], event: str) -> bool:
    return is_true(options.get(f"proxy_{event}")) or bool(options.get(f"{event}_proxy_name"))


def _flat(tree: dict[str, Any], namespaces: tuple[Namespace, ...]) -> Iterator[Proxy]:
    """All events share their options, except endpoint and timeout."""
    for event in EVENTS:
        path = f"proxy_{event}_endpoint"
        if not tree.get(path):
            continue
        timeout = tree.get(f"proxy_{event}_timeout")
        users = {namespace.name for namespace in namespaces if event in namespace.proxied}
        yield Proxy(
            event,
            path,
            users=frozenset(users) if event in CHANNEL_EVENTS else frozenset({""}),
            named=False,
            endpoint=Option(path, str(tree[path])),
            # Centrifugo v5 needs a unit here. It does not start if the timeout is a number other than 0.
            timeout=Option(f"proxy_{event}_timeout", DEFAULT_TIMEOUT if timeout is None else str(timeout)),
            static_headers=Option(STATIC, headers(tree.get(STATIC))),
            client_headers=tuple(Option(f"proxy_{name}", words(tree.get(f"proxy_{name}"), 5)) for name in FROM_CLIENT),
            transforms=transforms("proxy_http_status_code_transforms", tree.get("proxy_http_status_code_transforms")),
            connection_meta=Option("proxy_include_connection_meta", is_true(tree.get("proxy_include_connection_meta"))),
            binary_encoding=Option("proxy_binary_encoding", is_true(tree.get("proxy_binary_encoding"))),
            raw_transforms=tree.get("proxy_http_status_code_transforms"),
        )


def _granular(tree: dict[str, Any], namespaces: tuple[Namespace, ...]) -> Iterator[Proxy]:
    in_none = _in_none(tree)
    listed: dict[str, list[Mapping[str, Any]]] = {"rpc": [in_none, *tables(tree.get("rpc_namespaces"))]}
    listed |= {event: [namespace.options for namespace in namespaces] for event in CHANNEL_EVENTS}
    for event in EVENTS:
        for index, options in enumerate(tables(tree.get("proxies"))):
            users = _users(listed.get(event, [in_none]), f"{event}_proxy_name", options.get("name"))
            if users:
                yield _named(event, f"proxies[{index}]", options, users)


def _users(listed: Iterable[Mapping[str, Any]], key: str, name: Any) -> frozenset[str]:
    return frozenset(str(options.get("name") or "") for options in listed if name and options.get(key) == name)


def _named(event: str, path: str, options: dict[str, Any], users: frozenset[str]) -> Proxy:
    static, statuses = "static_http_headers", "http_status_to_code_transforms"
    return Proxy(
        event,
        path,
        users=users,
        named=True,
        endpoint=Option(f"{path}.endpoint", str(options.get("endpoint") or "")),
        timeout=Option(f"{path}.timeout", options.get("timeout") or DEFAULT_TIMEOUT),
        static_headers=Option(f"{path}.{static}", headers(options.get(static))),
        client_headers=tuple(Option(f"{path}.{name}", words(options.get(name), 5)) for name in FROM_CLIENT),
        transforms=transforms(f"{path}.{statuses}", options.get(statuses)),
        connection_meta=Option(f"{path}.include_connection_meta", is_true(options.get("include_connection_meta"))),
        binary_encoding=Option(f"{path}.binary_encoding", is_true(options.get("binary_encoding"))),
        raw_transforms=options.get(statuses),
    )
