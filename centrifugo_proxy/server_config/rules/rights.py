"""Findings about rights that Centrifugo grants without calling this service."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, Namespace, is_true, number, table
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.rules.start_maps import MAPS
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

# The options of a namespace and of its map that give rights, and what a client can do with each right.
CHANNEL_RIGHTS: Final = {
    "allow_history_for_client": "read the messages that the channel keeps",
    "allow_presence_for_client": "see who is in the channel, with each user's info, such as locks, tier and family",
}
MAP_RIGHTS: Final = {
    "allow_publish_for_client": "write entries of the channel's map",
    "allow_publish_for_subscriber": "subscribe, and then write entries of the channel's map",
    "allow_remove_for_client": "remove entries of the channel's map",
    "allow_remove_for_subscriber": "subscribe, and then remove entries of the channel's map",
}


@RULES.rule("rights-without-subscription", Severity.ERROR)
def rights_without_subscription(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for namespace in configuration.namespaces:
        if _is_decided(namespace, facts):
            for path, right in _rights(namespace):
                yield Problem(
                    path,
                    f"Every connected client can {right}, in any of these channels. {_bypassed(path)}",
                    f"Set it to false{_instead(path)}.",
                )


@RULES.rule("rights-of-every-client", Severity.WARNING)
def rights_of_every_client(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for namespace in configuration.namespaces:
        if not _is_decided(namespace, facts):
            for path, right in _rights(namespace):
                yield Problem(
                    path,
                    f"Every connected client can {right}, in any of these channels, even in those of other users.",
                    f"If these channels are public, no action is needed. Otherwise set it to false{_instead(path)}.",
                )


@RULES.rule("shared-poll-signatures", Severity.WARNING)
def shared_poll_signatures(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for namespace in configuration.namespaces:
        if namespace.options.get("subscription_type") == "shared_poll" and _is_decided(namespace, facts):
            yield Problem(
                namespace.at("subscription_type"),
                "The policy does not decide which keys of these channels a client follows: a signature with "
                "shared_poll.hmac_secret_key decides. A signature stays valid after a lock is turned on for its user.",
                "The backend that makes the signatures must check locks and tiers. Its signatures should expire soon.",
            )


def _is_decided(namespace: Namespace, facts: ServiceFacts) -> bool:
    """True if these channels have a proxy or a rule of the policy."""
    return bool(namespace.proxied) or namespace.name in facts.namespaces


def _rights(namespace: Namespace) -> Iterator[tuple[str, str]]:
    for name, right in CHANNEL_RIGHTS.items():
        if namespace.on(name) and _has(namespace, name):
            yield namespace.at(name), right
    if namespace.options.get("subscription_type") not in MAPS:
        return
    options = table(namespace.options.get("map"))
    for name, right in MAP_RIGHTS.items():
        proxied = is_true(options.get("publish_proxy_enabled" if "publish" in name else "remove_proxy_enabled"))
        if is_true(options.get(name)) and not proxied:
            yield namespace.at(f"map.{name}"), right


def _has(namespace: Namespace, name: str) -> bool:
    """False if the right has no effect: channels without history or presence have nothing to read."""
    if "history" in name:
        return number(namespace.options.get("history_size")) > 0
    return namespace.on("presence")


def _bypassed(path: str) -> str:
    """What a client bypasses with a right. For a subscriber, Centrifugo has already called the subscribe proxy."""
    if path.endswith("_for_subscriber"):
        return (
            "Centrifugo does not call the service for such a change, so publish rules, parental locks and tiers do not "
            "apply to it."
        )
    return (
        "Centrifugo does not call the subscribe proxy, so the rules about families, parental locks, tiers and the "
        "degraded mark have no effect."
    )


def _instead(path: str) -> str:
    name = path.rpartition(".")[2]
    return f", and use {name.replace('_for_client', '_for_subscriber')}" if name in CHANNEL_RIGHTS else ""
