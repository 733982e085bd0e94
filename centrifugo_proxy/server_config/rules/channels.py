"""Findings about what Centrifugo reads from the names of channels and RPC methods: namespaces and private prefixes."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

BOUNDARY: Final = {6: "channel.namespace_boundary", 5: "channel_namespace_boundary"}
PRIVATE_PREFIX: Final = {6: "channel.private_prefix", 5: "channel_private_prefix"}
RPC_BOUNDARY: Final = {6: "rpc.namespace_boundary", 5: "rpc_namespace_boundary"}
PERSONAL: Final = {
    6: ("client.subscribe_to_user_personal_channel.enabled", ".personal_channel_namespace"),
    5: ("user_subscribe_to_personal", "user_personal_channel_namespace"),
}
OURS: Final = ":"  # the separator of the policy's channel names
FALLBACK_USER: Final = "fallback:"


def _boundary(configuration: Configuration) -> str:
    return configuration.text(BOUNDARY[configuration.major], OURS)


@RULES.rule("namespace-boundary", Severity.ERROR)
def namespace_boundary(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """Checked only if a policy is set: without a policy, the service ignores channel names."""
    if any(facts.namespaces) and _boundary(configuration) != OURS:
        yield Problem(
            BOUNDARY[configuration.major],
            "In the policy, a colon separates the namespace from the rest of a channel's name (family:42). Centrifugo "
            "looks for another separator, and finds no namespace in these channels. It does not use the options and "
            "proxies of their namespaces, and may never call the service.",
            'Set it to ":" (the default), or remove it.',
        )


@RULES.rule("private-prefix", Severity.ERROR)
def private_prefix(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    prefix = configuration.text(PRIVATE_PREFIX[configuration.major], "$")
    caught = sorted(name for name in facts.namespaces if prefix and name.startswith(prefix))
    if caught:
        yield Problem(
            PRIVATE_PREFIX[configuration.major],
            f"This prefix makes the channels of {', '.join(caught)} private: a subscription to them needs a token. "
            "Centrifugo also cuts the prefix off before it looks for the namespace. It answers every subscription "
            "without a token itself, with error 102 (unknown channel) or 103 (permission denied).",
            'Set it to "$" (the default), or remove it.',
        )


@RULES.rule("rpc-boundary", Severity.WARNING)
def rpc_boundary(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """v5 looks for RPC namespaces only in granular proxy mode."""
    boundary = configuration.text(RPC_BOUNDARY[configuration.major], OURS)
    if "rpc" in facts.events and boundary == "." and configuration.chooses_proxies():
        yield Problem(
            RPC_BOUNDARY[configuration.major],
            "The policy's methods have dots in their names (diary.add). Centrifugo reads the part before the first dot "
            "as an RPC namespace. If it has no such RPC namespace, each call fails with error 104 (method not found), "
            "and Centrifugo does not call the service.",
            'Set it to ":" (the default), or add each RPC namespace with its proxy.',
        )


@RULES.rule("personal-channels", Severity.ERROR)
def personal_channels(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """Centrifugo builds the channel from "#" and the user's id, and looks for a namespace in the result."""
    switch, namespace = PERSONAL[configuration.major]
    path = switch.removesuffix(".enabled") + namespace if configuration.major == 6 else namespace
    on, boundary = configuration.is_on(switch), _boundary(configuration)
    if facts.pool and on and not configuration.text(path) and boundary and boundary in FALLBACK_USER:
        yield Problem(
            path,
            "Connections with a fallback ticket have user ids such as fallback:3f9a…. For their personal channels, "
            "Centrifugo looks for a namespace #fallback, which cannot exist. It refuses these connections with error "
            "102 (unknown channel), and SDKs do not reconnect. So fallback tickets do not work in an outage.",
            "Set a namespace for personal channels, and add it to the list of namespaces. Or turn personal channels "
            "off.",
        )
