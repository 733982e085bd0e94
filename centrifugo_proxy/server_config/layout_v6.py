"""Centrifugo v6's layout: https://centrifugal.dev/docs/server/configuration"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS
from centrifugo_proxy.server_config.configuration import (
    DEFAULT_TIMEOUT,
    Configuration,
    Namespace,
    Option,
    Proxy,
    find,
    headers,
    is_true,
    table,
    tables,
    transforms,
    words,
)
from centrifugo_proxy.server_config.options import NAMED_LISTS, settings_of

# Centrifugo sends a gRPC client's grpc_metadata as headers of the HTTP request
FROM_CLIENT: Final = ("http_headers", "emulated_headers", "grpc_metadata")
DEFAULT: Final = "default"
IN_NO_NAMESPACE: Final = frozenset({""})
Users = Mapping[str, frozenset[str]]


def read(tree: dict[str, Any], file_format: str, left_over: tuple[str, ...] = ()) -> Configuration:
    """The file as Centrifugo v6 reads it."""
    tree = unfolded(tree)
    namespaces = tuple(_namespaces(tree))
    proxies = (*_client_proxies(tree), *_channel_proxies(tree, namespaces), *_rpc_proxies(tree))
    settings = tuple(settings_of(tree, 6))
    lists = {path: find(tree, path) for path in NAMED_LISTS}
    return Configuration(6, file_format, tree, settings, proxies, namespaces, left_over, lists)


def unfolded(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with `a.b: 1` written as `a: {b: 1}`, as Centrifugo v6 reads it. Lists stay as they are.
    If both forms set an option, the key with more dots wins. Null counts as absent.
    """
    whole: dict[str, Any] = {}
    for key in sorted(tree, key=lambda key: key.count(".")):
        *parents, last = key.split(".")
        value = unfolded(tree[key]) if isinstance(tree[key], dict) else tree[key]
        if value is not None:
            _merge(whole, _under(parents, {last: value}))
    return whole


def _under(parents: list[str], table: dict[str, Any]) -> dict[str, Any]:
    for parent in reversed(parents):
        table = {parent: table}
    return table


def _merge(whole: dict[str, Any], winning: dict[str, Any]) -> None:
    for key, value in winning.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            _merge(whole[key], value)
        else:
            whole[key] = value


def _namespaces(tree: dict[str, Any]) -> Iterator[Namespace]:
    without = "channel.without_namespace"
    places = [(without, table(find(tree, without)))]
    listed = tables(find(tree, "channel.namespaces"))
    places += [(f"channel.namespaces[{index}]", options) for index, options in enumerate(listed)]
    for path, options in places:
        proxied = frozenset(event for event in CHANNEL_EVENTS if is_true(options.get(f"{event}_proxy_enabled")))
        yield Namespace(path, options, proxied)


def _client_proxies(tree: dict[str, Any]) -> Iterator[Proxy]:
    for event in ("connect", "refresh"):
        path = f"client.proxy.{event}"
        options = table(find(tree, path))
        if is_true(options.get("enabled")):
            yield _proxy(event, path, options, IN_NO_NAMESPACE)


def _channel_proxies(tree: dict[str, Any], namespaces: tuple[Namespace, ...]) -> Iterator[Proxy]:
    for event in CHANNEL_EVENTS:
        proxied = [namespace.options for namespace in namespaces if event in namespace.proxied]
        yield from _proxies_of(tree, event, f"channel.proxy.{event}", _users(proxied, f"{event}_proxy_name"))


def _rpc_proxies(tree: dict[str, Any]) -> Iterator[Proxy]:
    listed = [table(find(tree, "rpc.without_namespace")), *tables(find(tree, "rpc.namespaces"))]
    proxied = [options for options in listed if is_true(options.get("proxy_enabled"))]
    yield from _proxies_of(tree, "rpc", "rpc.proxy", _users(proxied, "proxy_name"))


def _users(proxied: Iterable[Mapping[str, Any]], key: str) -> Users:
    """The names of the namespaces, grouped by the proxy that each chooses with the option `key`."""
    users: dict[str, set[str]] = defaultdict(set)
    for options in proxied:
        users[str(options.get(key) or DEFAULT)].add(str(options.get("name") or ""))
    return {name: frozenset(names) for name, names in users.items()}


def _proxies_of(tree: dict[str, Any], event: str, path: str, users: Users) -> Iterator[Proxy]:
    """The event's own proxy, if it has any option, and the named proxies in use."""
    if options := table(find(tree, path)):
        yield _proxy(event, path, options, users.get(DEFAULT, frozenset()))
    for index, options in enumerate(tables(tree.get("proxies"))):
        if names := users.get(str(options.get("name"))):
            yield _proxy(event, f"proxies[{index}]", options, names, named=True)


def _proxy(event: str, path: str, options: dict[str, Any], users: frozenset[str], *, named: bool = False) -> Proxy:
    http = table(options.get("http"))
    return Proxy(
        event,
        path,
        users=users,
        named=named,
        endpoint=Option(f"{path}.endpoint", str(options.get("endpoint") or "")),
        timeout=Option(f"{path}.timeout", options.get("timeout", DEFAULT_TIMEOUT)),
        static_headers=Option(f"{path}.http.static_headers", headers(http.get("static_headers"))),
        client_headers=tuple(Option(f"{path}.{name}", words(options.get(name), 6)) for name in FROM_CLIENT),
        transforms=transforms(f"{path}.http.status_to_code_transforms", http.get("status_to_code_transforms")),
        connection_meta=Option(f"{path}.include_connection_meta", is_true(options.get("include_connection_meta"))),
        binary_encoding=Option(f"{path}.binary_encoding", is_true(options.get("binary_encoding"))),
        raw_transforms=http.get("status_to_code_transforms"),
        tls_unverified=_unverified(f"{path}.http.tls", table(http.get("tls"))),
    )


def _unverified(path: str, tls: Mapping[str, Any]) -> Option:
    """True if the endpoint's certificate is not verified. If `enabled` is off, the other options have no effect."""
    on = is_true(tls.get("enabled")) and is_true(tls.get("insecure_skip_verify"))
    return Option(f"{path}.insecure_skip_verify", on)
