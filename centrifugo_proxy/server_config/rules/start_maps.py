"""Options of map and shared poll channels that Centrifugo v6 refuses."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import Configuration, Namespace, is_true, number, table
from centrifugo_proxy.server_config.durations import milliseconds

Refusal = tuple[str, str]  # the path and the problem
MAPS: Final = ("map", "map_clients", "map_users")
MODES: Final = ("ephemeral", "recoverable", "persistent")


def ms(value: Any) -> float:
    """A duration in milliseconds. 0 if it is invalid: the rule value-invalid reports it."""
    try:
        return float(milliseconds(value))
    except (ValueError, OverflowError):
        return 0


def map_refusals(namespace: Namespace, configuration: Configuration) -> Iterator[Refusal]:
    """The path and reason of each refused option."""
    options, kind = table(namespace.options.get("map")), namespace.options.get("subscription_type")
    mode, key_ttl = str(options.get("mode") or ""), ms(options.get("key_ttl"))
    if kind == "shared_poll" and not configuration.option("shared_poll.hmac_secret_key").value:
        yield namespace.at("subscription_type"), "shared_poll needs shared_poll.hmac_secret_key"
    if kind == "shared_poll":
        yield from _shared_poll(namespace)
    if mode and mode not in MODES:
        yield namespace.at("map.mode"), f"this option accepts only {', '.join(MODES)}"
    if kind in MAPS and not mode:
        yield namespace.at("subscription_type"), f"{kind} needs map.mode"
    if mode in ("ephemeral", "recoverable") and key_ttl <= 0:
        yield namespace.at("map.mode"), f"{mode} needs a map.key_ttl above 0"
    if mode == "persistent" and (key_ttl or kind in ("map_clients", "map_users")):
        yield namespace.at("map.mode"), "persistent cannot be combined with map.key_ttl, map_clients or map_users"
    yield from _map_keys(namespace, options, kind)
    yield from _map_streams(namespace, options, mode)
    yield from _map_pages(namespace, options)


def _shared_poll(namespace: Namespace) -> Iterator[Refusal]:
    options = table(namespace.options.get("shared_poll"))
    mode = str(options.get("mode") or "")
    if mode not in ("", "versionless", "versioned"):
        yield namespace.at("shared_poll.mode"), "this option accepts only versionless and versioned"
    elif is_true(options.get("publish_enabled")) and mode != "versioned":
        yield namespace.at("shared_poll.publish_enabled"), "publish_enabled needs shared_poll.mode versioned"


def _map_keys(namespace: Namespace, options: Mapping[str, Any], kind: Any) -> Iterator[Refusal]:
    client_key = str(options.get("client_key") or "")
    if client_key and client_key not in ("client_id", "user_id"):
        yield namespace.at("map.client_key"), "this option accepts only client_id and user_id"
    if client_key and any(is_true(options.get(f"{event}_proxy_enabled")) for event in ("publish", "remove")):
        yield namespace.at("map.client_key"), "map.client_key cannot be combined with the proxies of the map"
    if options.get("remove_client_on_unsubscribe") and kind not in MAPS:
        yield (
            namespace.at("map.remove_client_on_unsubscribe"),
            f"this option needs one of these subscription types: {', '.join(MAPS)}",
        )


def _map_streams(namespace: Namespace, options: Mapping[str, Any], mode: str) -> Iterator[Refusal]:
    if mode == "ephemeral":
        given = [name for name in ("stream_size", "stream_ttl", "meta_ttl") if ms(options.get(name))]
        yield from (
            (namespace.at(f"map.{name}"), f"{name} cannot be combined with map.mode ephemeral") for name in given
        )
    meta_ttl, stream_ttl = ms(options.get("meta_ttl")), ms(options.get("stream_ttl")) or 60_000
    if mode in ("recoverable", "persistent") and meta_ttl and meta_ttl < stream_ttl:
        yield namespace.at("map.meta_ttl"), "map.meta_ttl must not be shorter than map.stream_ttl"


def _map_pages(namespace: Namespace, options: Mapping[str, Any]) -> Iterator[Refusal]:
    sizes = [number(options.get(f"{name}_page_size")) for name in ("min", "default", "max")]
    given = [size for size in sizes if size]
    if given != sorted(given):
        yield (
            namespace.at("map.default_page_size"),
            "min_page_size, default_page_size and max_page_size must be in ascending order",
        )
