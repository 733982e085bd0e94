"""Channel options that Centrifugo's own validation refuses."""

import re
import warnings
from collections.abc import Iterator
from typing import Any, Final

from centrifugo_proxy.server_config.configuration import (
    Configuration,
    Namespace,
    find,
    is_true,
    number,
    tables,
    words,
)
from centrifugo_proxy.server_config.rules.start_maps import map_refusals, ms

Refusal = tuple[str, str]  # the path and the problem
META_TTL: Final = {6: ("channel.history_meta_ttl", "720h"), 5: ("global_history_meta_ttl", "720h")}
# Syntax that Python compiles and Go does not: https://github.com/google/re2/wiki/Syntax
NOT_IN_GO: Final = re.compile(
    r"(?<!\\)\(\?([=!>#(]|<[=!]|P=|[a-zA-Z]*[aLux])"  # assertions, backreferences by name, flags
    r"|\\([1-7](?![0-7])|[89ZNuU])"  # backreferences by number: Go reads two octal digits as a character
)
# Python's messages about syntax that Go accepts, such as: flags in the middle, (?U), (?-s), \z, \x{41}, (?<name>…),
# [\w-.], \12, and two groups with the same name.
ONLY_IN_GO: Final = (
    *("global flags", "missing :", "bad escape", "incomplete escape", "unknown extension"),
    *("bad character range \\", "invalid group reference", "redefinition of group name", "unknown flag"),
)
NO_EXPRESSION: Final = "Go cannot parse this regular expression"
CHOICES: Final = {
    "force_recovery_mode": ("", "stream", "cache"),
    "publication_data_format": ("", "json", "json_object", "binary"),
    "subscription_type": ("", "stream", "map", "map_clients", "map_users", "shared_poll"),
}
PERSONAL: Final = {
    6: ("client.subscribe_to_user_personal_channel.enabled", "client.subscribe_to_user_personal_channel."),
    5: ("user_subscribe_to_personal", "user_personal_"),
}
PERSONAL_NAMESPACE: Final = {6: "personal_channel_namespace", 5: "channel_namespace"}
PROXY_NAMES: Final = (
    *("subscribe_proxy_name", "publish_proxy_name", "sub_refresh_proxy_name"),
    "subscribe_stream_proxy_name",
)
MAP_PROXY_NAMES: Final = ("map.publish_proxy_name", "map.remove_proxy_name")
V5_PROXY_NAMES: Final = ("connect_proxy_name", "refresh_proxy_name", "rpc_proxy_name")
# The events of v6 that this service does not answer. Each has the option that turns it on in a namespace, and the
# option with the name of its proxy. The first option is "" if a subscription_type with the event's name turns it on.
OTHER_PROXIES: Final = {
    "subscribe_stream": ("subscribe_stream_proxy_enabled", "subscribe_stream_proxy_name"),
    "map_publish": ("map.publish_proxy_enabled", "map.publish_proxy_name"),
    "map_remove": ("map.remove_proxy_enabled", "map.remove_proxy_name"),
    "shared_poll": ("", "shared_poll.proxy_name"),
}
PRESENCE_MAPS: Final = {
    "map_clients_presence_channel_prefix": "map_clients",
    "map_users_presence_channel_prefix": "map_users",
}


def channel_refusals(configuration: Configuration) -> Iterator[Refusal]:
    """The path and reason of each refused option."""
    for namespace in configuration.namespaces:
        yield from _history(namespace, _meta_ttl(configuration))
        yield from _choices(namespace, configuration.major)
        if namespace.on(stream_proxy(configuration.major)) and namespace.proxied:
            yield (
                namespace.at(stream_proxy(configuration.major)),
                "a stream proxy cannot be combined with the other proxies",
            )
        if configuration.major == 6:
            yield from map_refusals(namespace, configuration)
            yield from _presence_maps(namespace, configuration)
            yield from _other_proxies(namespace, configuration)
    yield from _proxy_names(configuration)
    yield from _personal(configuration)


def stream_proxy(major: int) -> str:
    """The option of a namespace that turns its subscribe stream proxy on."""
    return "subscribe_stream_proxy_enabled" if major == 6 else "proxy_subscribe_stream"


def _meta_ttl(configuration: Configuration) -> Any:
    path, default = META_TTL[configuration.major]
    value = configuration.option(path).value
    return default if value is None else value


def _history(namespace: Namespace, global_meta_ttl: Any) -> Iterator[Refusal]:
    options = namespace.options
    size, ttl = number(options.get("history_size")), ms(options.get("history_ttl"))
    if bool(size) != bool(ttl):
        given, missing = ("history_size", "history_ttl") if size else ("history_ttl", "history_size")
        yield namespace.at(given), f"{given} needs {missing} too"
    meta_ttl = ms(options.get("history_meta_ttl")) or ms(global_meta_ttl)
    if ttl > meta_ttl:
        yield namespace.at("history_ttl"), "history_ttl must not be longer than history_meta_ttl"
    if namespace.on("force_recovery") and not (size and ttl):
        yield namespace.at("force_recovery"), "force_recovery needs history_size and history_ttl"
    if namespace.on("auto_cache_recover") and not (
        namespace.on("force_recovery") and options.get("force_recovery_mode") == "cache"
    ):
        yield namespace.at("auto_cache_recover"), "this option needs force_recovery and force_recovery_mode=cache"


def _choices(namespace: Namespace, major: int) -> Iterator[Refusal]:
    for name, known in CHOICES.items():
        value = namespace.options.get(name)
        if isinstance(value, str) and value not in known and (major == 6 or name == "force_recovery_mode"):
            yield namespace.at(name), f"this option accepts only {', '.join(filter(None, known))}"
    if [kind for kind in words(namespace.options.get("allowed_delta_types"), major) if kind != "fossil"]:
        yield namespace.at("allowed_delta_types"), "this option accepts only fossil"
    if not is_expression_of_go(str(namespace.options.get("channel_regex") or "")):
        yield namespace.at("channel_regex"), NO_EXPRESSION


def is_expression_of_go(pattern: str) -> bool:
    """False if Go's regexp probably cannot compile this pattern. Patterns that only Go can compile are accepted."""
    if NOT_IN_GO.search(pattern.replace("\\\\", "")):
        return False
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # for classes such as [[:alpha:]]
            re.compile(pattern)
    except re.error as error:
        return any(text in str(error) for text in ONLY_IN_GO)
    return True


def _proxy_names(configuration: Configuration) -> Iterator[Refusal]:
    """Options with the name of a proxy that is not in `proxies`."""
    if not configuration.chooses_proxies():
        return
    known = {str(proxy.get("name")) for proxy in tables(configuration.lists.get("proxies"))} | {""}
    known |= {"default"} if configuration.major == 6 else set()
    for path, name in _chosen_proxies(configuration):
        if str(name or "") not in known:
            yield path, "proxies has no entry with this name"


def _chosen_proxies(configuration: Configuration) -> Iterator[tuple[str, Any]]:
    for namespace in configuration.namespaces:
        yield from (
            (namespace.at(name), find(namespace.options, name)) for name in _proxy_options(namespace, configuration)
        )
    alone = V5_PROXY_NAMES if configuration.major == 5 else ("rpc.without_namespace.proxy_name",)
    yield from ((name, configuration.option(name).value) for name in alone)
    listed = "rpc.namespaces" if configuration.major == 6 else "rpc_namespaces"
    key = "proxy_name" if configuration.major == 6 else "rpc_proxy_name"
    for index, options in enumerate(tables(configuration.lists.get(listed))):
        yield f"{listed}[{index}].{key}", options.get(key)


def _proxy_options(namespace: Namespace, configuration: Configuration) -> Iterator[str]:
    """The options of a namespace that contain the name of a proxy.

    Centrifugo checks them even if their events are off. It checks shared_poll.proxy_name only if shared_poll is on.
    """
    yield from PROXY_NAMES
    if configuration.major == 6:
        yield from MAP_PROXY_NAMES
        if namespace.options.get("subscription_type") == "shared_poll":
            yield "shared_poll.proxy_name"


def _other_proxies(namespace: Namespace, configuration: Configuration) -> Iterator[Refusal]:
    """Faults in the proxies of events that this service does not answer."""
    for event, (switch, name) in OTHER_PROXIES.items():
        on = namespace.options.get("subscription_type") == event if not switch else _is_on(namespace, switch)
        chosen = str(find(namespace.options, name) or "default")
        endpoint = f"channel.proxy.{'shared_poll_refresh' if event == 'shared_poll' else event}.endpoint"
        if on and chosen == "default" and not configuration.text(endpoint):
            yield endpoint, "a namespace uses this proxy, which has no endpoint"
        if on and event == "subscribe_stream" and configuration.text(endpoint).startswith("http"):
            yield endpoint, "a subscribe stream proxy supports only gRPC"


def _is_on(namespace: Namespace, path: str) -> bool:
    return is_true(find(namespace.options, path))


def _presence_maps(namespace: Namespace, configuration: Configuration) -> Iterator[Refusal]:
    types = {each.name: each.options.get("subscription_type") for each in configuration.namespaces}
    boundary = configuration.text("channel.namespace_boundary", ":") or ":"
    for name, kind in PRESENCE_MAPS.items():
        prefix = str(namespace.options.get(name) or "")
        if prefix and types.get(prefix.partition(boundary)[0]) != kind:
            yield namespace.at(name), f"the prefix must begin with a namespace whose subscription_type is {kind}"


def _personal(configuration: Configuration) -> Iterator[Refusal]:
    switch, prefix = PERSONAL[configuration.major]
    name_option = prefix + PERSONAL_NAMESPACE[configuration.major]
    name = configuration.text(name_option) if configuration.is_on(switch) else ""
    namespace = next((each for each in configuration.namespaces if each.name == name), None)
    if namespace is None:
        yield name_option, f"there is no namespace {name!r}"
    elif configuration.is_on(f"{prefix}single_connection") and not namespace.on("presence"):
        yield f"{prefix}single_connection", "this option needs presence=true in the namespace of personal channels"
