"""Findings about access that bypasses the proxies."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret, is_true, words
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.origins import NULL, admits_attackers, never_matches
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.rules.start_channels import stream_proxy
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

ORIGINS: Final = {6: "client.allowed_origins", 5: "allowed_origins"}
ANYBODY: Final = {
    6: ("client.allow_anonymous_connect_without_token",),
    5: ("allow_anonymous_connect_without_token",),
}
INSECURE: Final = {
    6: (
        "client.insecure",
        "client.insecure_skip_token_signature_verify",
        "client.token.insecure_skip_jwks_endpoint_safety_check",
        "client.subscription_token.insecure_skip_jwks_endpoint_safety_check",
        "http_api.insecure",
        "admin.insecure",
    ),
    5: ("client_insecure", "client_insecure_skip_token_signature_verify", "api_insecure", "admin_insecure"),
}
# Centrifugo verifies tokens if one of these keys is set. Only v6 has hmac_previous_secret_key, which also works alone.
KEYS: Final = (
    "hmac_secret_key",
    "hmac_previous_secret_key",
    "rsa_public_key",
    "ecdsa_public_key",
    "jwks_public_endpoint",
)
TOKENS: Final = {6: "client.token.", 5: "token_"}
SUBSCRIPTION_TOKENS: Final = {6: "client.subscription_token.", 5: "subscription_token_"}
ACCESS: Final = {
    "subscribe": ("allow_subscribe_for_client",),
    "publish": ("allow_publish_for_client", "allow_publish_for_subscriber"),
}
PROXY_OPTIONS: Final = {6: "{}_proxy_enabled", 5: "proxy_{}"}
ANONYMOUS: Final = tuple(f"allow_{what}_for_anonymous" for what in ("subscribe", "publish", "presence", "history"))


@RULES.rule("origins-any", Severity.ERROR)
def origins_any(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    option = configuration.option(ORIGINS[configuration.major])
    if any(map(admits_attackers, _origins(configuration))):
        yield Problem(
            option.path,
            "If a user visits the web page of an attacker, the page can open a connection from the user's browser.",
            "List the origins of your app, such as https://app.example.com.",
        )


def _origins(configuration: Configuration) -> list[str]:
    return words(configuration.option(ORIGINS[configuration.major]).value, configuration.major)


@RULES.rule("origins-null", Severity.WARNING)
def origins_null(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    if NULL in _origins(configuration):
        yield Problem(
            ORIGINS[configuration.major],
            "Browsers send the origin null for local files and for sandboxed frames. Every web page can contain a "
            "sandboxed frame. So any page that a user visits can open a connection from the user's browser.",
            "Remove null, and serve the app from an origin of its own, such as capacitor://localhost.",
        )


@RULES.rule("origins-empty", Severity.WARNING)
def origins_empty(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    option = configuration.option(ORIGINS[configuration.major])
    if not _origins(configuration):
        yield Problem(
            option.path,
            "Centrifugo refuses every browser and every web view. Only clients without an Origin header can connect.",
            "List the origins of your app, such as https://app.example.com and capacitor://localhost.",
        )


@RULES.rule("origins-unmatched", Severity.ERROR)
def origins_unmatched(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    option = configuration.option(ORIGINS[configuration.major])
    whole = configuration.major == 6 and isinstance(option.value, str)
    if any(map(never_matches, _origins(configuration))) and not isinstance(option.value, FromSecret):
        yield Problem(
            option.path,
            "An entry cannot match any origin that a browser sends. Centrifugo refuses the web app for which the entry "
            "is meant. An origin has a scheme and a host in lower case, and no path, such as https://app.example.com.",
            "Correct the entry. Write several origins as a list"
            + (", or separate them with spaces in an environment variable." if whole else "."),
        )


@RULES.rule("anonymous-access", Severity.ERROR)
def anonymous_access(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path in ANYBODY[configuration.major]:
        if is_true(configuration.option(path).value):
            yield Problem(
                path,
                "If the connect proxy is off, any client can connect without a ticket. Its user id is then empty.",
                "Set it to false.",
            )
    for namespace in configuration.namespaces:
        for name in filter(namespace.on, ANONYMOUS):
            yield Problem(
                namespace.at(name),
                "If clients or subscribers have this right in these channels, connections without a user have it too.",
                "Set it to false: this service gives every connection a user.",
            )


@RULES.rule("insecure-mode", Severity.ERROR)
def insecure_mode(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path in INSECURE[configuration.major]:
        if is_true(configuration.option(path).value):
            yield Problem(
                path,
                "This option is for development only. It lets strangers read messages, publish, or act as any user.",
                "Set it to false, or remove it.",
            )


@RULES.rule("jwt-keys", Severity.WARNING)
def jwt_keys(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path in _keys(configuration, TOKENS):
        yield Problem(
            path,
            "Centrifugo accepts a client that sends a JWT signed with this key. The client needs no ticket, and the "
            "connection has no meta. A subscription token signed with this key bypasses the subscribe proxy, if no "
            "separate keys are set for subscription tokens.",
            "Remove the key. Keep it only if clients may also connect with JWTs.",
        )


def _keys(configuration: Configuration, prefix: dict[int, str]) -> Iterator[str]:
    for name in KEYS:
        path = f"{prefix[configuration.major]}{name}"
        if configuration.option(path).value:
            yield path


@RULES.rule("subscription-tokens", Severity.WARNING)
def subscription_tokens(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    switch = "client.subscription_token.enabled" if configuration.major == 6 else "separate_subscription_token_config"
    if not _decides_on_subscriptions(configuration, facts) or not is_true(configuration.option(switch).value):
        return
    for path in _keys(configuration, SUBSCRIPTION_TOKENS):
        yield Problem(
            path,
            "A subscription with a token bypasses the subscribe proxy: parental locks, tiers and the degraded mark do "
            "not apply to it.",
            "Remove the key, and let the policy decide about subscriptions.",
        )


@RULES.rule("user-limited-channels", Severity.WARNING)
def user_limited_channels(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    if not _decides_on_subscriptions(configuration, facts):
        return
    for namespace in configuration.namespaces:
        if namespace.on("allow_user_limited_channels"):
            yield Problem(
                namespace.at("allow_user_limited_channels"),
                "If a channel's name ends with # and user ids, these users may subscribe without the subscribe proxy. "
                "Parental locks, tiers and the degraded mark do not apply to such subscriptions.",
                "Set it to false, and write a rule with {user} in the policy.",
            )


def _decides_on_subscriptions(configuration: Configuration, facts: ServiceFacts) -> bool:
    """True if a subscribe proxy decides about subscriptions: only then can a client bypass the decision."""
    return "subscribe" in facts.events or any("subscribe" in each.proxied for each in configuration.namespaces)


@RULES.rule("namespace-proxy-off", Severity.ERROR)
def namespace_proxy_off(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path, event in _past_proxies(configuration):
        if event in facts.events or configuration.proxy(event):
            yield Problem(
                path,
                f"Every {_holder(path)} may {event} to these channels, because the {event} proxy is off here.",
                f"Set this to false, and enable the namespace's {event} proxy.",
            )


@RULES.rule("namespace-open", Severity.WARNING)
def namespace_open(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for path, event in _past_proxies(configuration):
        if event not in facts.events and not configuration.proxy(event):
            yield Problem(
                path,
                f"Every {_holder(path)} may {event} to any of these channels, including the channels of other users.",
                f"If these channels are public, no action is needed. Otherwise set this to false, and let the {event} "
                "proxy decide (CHANNEL_POLICY_PATH).",
            )


@RULES.rule("namespace-sub-refresh-off", Severity.ERROR)
def namespace_sub_refresh_off(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    if "subscribe" not in facts.events or not facts.subscriptions_expire:
        return
    proxies = [proxy for proxy in ours(configuration, facts) if proxy.event == "subscribe"]
    for namespace in configuration.namespaces:
        is_ours = any(namespace.name in proxy.users for proxy in proxies)
        if is_ours and "sub_refresh" not in namespace.proxied:
            yield Problem(
                namespace.at(PROXY_OPTIONS[configuration.major].format("sub_refresh")),
                "Subscriptions expire (CHANNEL_SUBSCRIPTION_TTL_S, or a time from the family service). Centrifugo then "
                "expects a token from the client. The client has none, so the subscription ends permanently although "
                "the policy allows it.",
                "Enable the namespace's sub_refresh proxy, as manage.py centrifugo_config prints it.",
            )


@RULES.rule("policy-namespace-missing", Severity.ERROR)
def policy_namespace_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    known = {namespace.name: namespace for namespace in configuration.namespaces}
    for name, allowed in facts.namespaces.items():
        namespace = known.get(name)
        if namespace is None:
            yield Problem(
                "channel.namespaces" if configuration.major == 6 else "namespaces",
                f"The policy has rules for channels of the namespace {name!r}, but Centrifugo has no such namespace. "
                "It answers every client with error 102 (unknown channel), and does not call the service.",
                f"Add the namespace {name!r} with its proxies, as manage.py centrifugo_config prints it.",
            )
            continue
        for event, doors in ACCESS.items():
            if event in allowed - namespace.proxied and not any(map(namespace.on, doors)):
                yield Problem(
                    namespace.at(PROXY_OPTIONS[configuration.major].format(event)),
                    f"The policy allows users to {event} to these channels, but the {event} proxy is off. Centrifugo "
                    "answers every client with error 103 (permission denied).",
                    f"Enable the namespace's {event} proxy, as manage.py centrifugo_config prints it.",
                )


def _holder(path: str) -> str:
    """Who has the right that the option at `path` gives."""
    return "subscriber" if path.endswith("_for_subscriber") else "connected client"


def _past_proxies(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """The option's path and the event of each right that clients have without a proxy.

    A namespace with a stream proxy is left out, because the stream proxy overrides these rights.
    """
    for namespace in configuration.namespaces:
        for event, names in ACCESS.items():
            if event not in namespace.proxied and not namespace.on(stream_proxy(configuration.major)):
                yield from ((namespace.at(name), event) for name in filter(namespace.on, names))
