"""Findings about where Centrifugo asks, how long it waits, and what it sends along."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS, EVENTS, SESSION_EVENTS, path_of
from centrifugo_proxy.server_config.configuration import Configuration, FromSecret, Proxy
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.generate import STALE_CLOSE_MS, TIMEOUT_MARGIN_MS
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

PATH_OF_PROXY: Final = {
    6: {
        "connect": "client.proxy.connect",
        "refresh": "client.proxy.refresh",
        "subscribe": "channel.proxy.subscribe",
        "publish": "channel.proxy.publish",
        "sub_refresh": "channel.proxy.sub_refresh",
        "rpc": "rpc.proxy",
    },
    5: {event: f"proxy_{event}_endpoint" for event in EVENTS},
}
RPC_SWITCH: Final = "rpc.without_namespace.proxy_enabled"  # of v6
WITHOUT_PROXY: Final = {
    "subscribe": "nobody asks the policy about a subscription",
    "publish": "nobody asks the policy about what clients publish",
    "sub_refresh": "a lock that is turned on while a user is subscribed has no effect on that subscription",
    "rpc": "every RPC call of a client fails",
}
LATE: Final = {
    "connect": "a slow answer redeems a ticket for nobody, and the user is not let in",
    "refresh": "a slow answer counts as none, and the connection is kept for another minute, unchecked",
    "sub_refresh": "a slow answer counts as none, and the subscription is kept for another minute, unchecked",
    "rpc": "a slow call fails for the user, though the backend carries it out; tried again, it is done twice",
}
LATE_ELSEWHERE: Final = "a slow answer counts as none, and the user sees a passing internal error"


def ours(configuration: Configuration, facts: ServiceFacts) -> Iterator[Proxy]:
    """The proxies that ask this service, or should; others may well have another backend."""
    for proxy in configuration.proxies:
        if _is_path_of(proxy) or (proxy.event in facts.events and _is_meant(proxy, facts)):
            yield proxy


def _is_meant(proxy: Proxy, facts: ServiceFacts) -> bool:
    """An event's own proxy is; one with a name only if it serves what the policy speaks of."""
    served = facts.namespaces if proxy.event in CHANNEL_EVENTS else ("",)
    return not proxy.named or not proxy.users.isdisjoint(served)


def _is_path_of(proxy: Proxy) -> bool:
    try:
        return urlsplit(str(proxy.endpoint.value)).path.endswith(path_of(proxy.event))
    except ValueError:
        return False


def is_http(endpoint: str) -> bool:
    """As Centrifugo tells it from a gRPC endpoint."""
    return endpoint.startswith(("http://", "https://"))


@RULES.rule("connect-proxy-missing", Severity.ERROR)
def connect_proxy_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    proxy = configuration.proxy("connect")
    if proxy is None:
        yield Problem(
            PATH_OF_PROXY[configuration.major]["connect"],
            "Centrifugo asks nobody whether a connection may be made: users with a good ticket are refused.",
            f"Enable the connect proxy with the endpoint {facts.endpoint('connect')}.",
        )


@RULES.rule("event-proxy-missing", Severity.WARNING)
def event_proxy_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for event in facts.session_events(tuple(WITHOUT_PROXY)):
        effect = f"The service is set up to answer {event}, but Centrifugo does not ask: {WITHOUT_PROXY[event]}."
        if not any(proxy.event == event for proxy in configuration.proxies):
            yield Problem(
                PATH_OF_PROXY[configuration.major][event],
                effect,
                f"Set up the {event} proxy with the endpoint {facts.endpoint(event)}, "
                "as manage.py centrifugo_config prints it.",
            )
        elif event == "rpc" and configuration.proxy(event) is None:  # of channels each namespace is looked at
            yield Problem(RPC_SWITCH, effect, "Set it to true: the proxy is there, and nothing asks it.")


@RULES.rule("refresh-proxy-missing", Severity.ERROR)
def refresh_proxy_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    answered = "refresh" in facts.events
    if configuration.proxy("refresh") is None and (answered or facts.pool):
        yield Problem(
            PATH_OF_PROXY[configuration.major]["refresh"],
            "Centrifugo leaves it to the client to prolong a connection that expires: one of the fallback pool, or one "
            "to which identity gave an expire_at. Without a JWT it cannot, and the JavaScript SDK ends for good: the "
            "user stays out until the app is started anew.",
            ("" if answered else "Set CENTRIFUGO_REFRESH=auto for the service. ")
            + f"Set up the refresh proxy with the endpoint {facts.endpoint('refresh')}, "
            "as manage.py centrifugo_config prints it.",
        )


@RULES.rule("event-not-answered", Severity.ERROR)
def event_not_answered(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if proxy.users and proxy.event not in facts.events:
            fate = "is kept for another minute each time, unchecked" if "refresh" in proxy.event else "gets an error"
            yield Problem(
                proxy.endpoint.path,
                f"The service is not set up for {proxy.event} and answers 501: whoever triggers it {fate}.",
                f"Set {_switch(proxy.event)} for the service, or take the {proxy.event} proxy out.",
            )


def _switch(event: str) -> str:
    return "CENTRIFUGO_REFRESH=on" if event == "refresh" else "CHANNEL_POLICY_PATH"


@RULES.rule("endpoint-path", Severity.ERROR)
def endpoint_path(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        hidden = isinstance(proxy.endpoint.value, FromSecret)
        if not hidden and is_http(proxy.endpoint.value) and not _is_path_of(proxy):
            yield Problem(
                proxy.endpoint.path,
                f"The service answers {proxy.event} at {path_of(proxy.event)} and nowhere else, without a slash at "
                "the end: every call is a 404, which users see as a passing internal error, for ever.",
                f"Use {facts.endpoint(proxy.event)}, with the host that Centrifugo reaches the service at.",
            )


@RULES.rule("endpoint-grpc", Severity.ERROR)
def endpoint_grpc(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        endpoint = proxy.endpoint.value
        hidden = isinstance(endpoint, FromSecret)
        if proxy.event in facts.events and endpoint and not hidden and not is_http(endpoint):
            yield Problem(
                proxy.endpoint.path,
                "Without http:// or https:// Centrifugo speaks gRPC to the endpoint, which this service does not: "
                f"every {proxy.event} fails, and users see a passing internal error, for ever.",
                f"Use {facts.endpoint(proxy.event)}, with the host that Centrifugo reaches the service at.",
            )


@RULES.rule("timeout-not-above-deadline", Severity.ERROR)
def timeout_not_above_deadline(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        timeout, deadline = _milliseconds(proxy), facts.deadline(proxy.event)
        if deadline.ms and timeout is not None and timeout <= deadline.ms:
            yield Problem(
                proxy.timeout.path,
                f"Centrifugo hangs up after {timeout:g} ms, while the service may wait {deadline.ms} ms for an answer "
                f"({deadline.setting}): {LATE.get(proxy.event, LATE_ELSEWHERE)}.",
                f"Set it to {deadline.ms + TIMEOUT_MARGIN_MS}ms or more (the default is 1s; "
                "a bare number counts nanoseconds).",
            )


@RULES.rule("timeout-invalid", Severity.ERROR)
def timeout_invalid(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if _milliseconds(proxy) is None and not isinstance(proxy.timeout.value, FromSecret):
            yield Problem(
                proxy.timeout.path,
                "Centrifugo does not start with a timeout that is not a duration, and nobody can connect.",
                f'Write it with its unit: "{facts.deadline(proxy.event).ms + TIMEOUT_MARGIN_MS}ms".',
            )


@RULES.rule("stale-close-delay", Severity.ERROR)
def stale_close_delay(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    option = configuration.option(
        "client.stale_close_delay" if configuration.major == 6 else "client_stale_close_delay"
    )
    try:
        delay = milliseconds(f"{STALE_CLOSE_MS}ms" if option.value is None else option.value)
    except ValueError:
        return
    if 0 < delay <= facts.deadline_ms:
        yield Problem(
            option.path,
            f"Centrifugo gives up on a connection that is not let in within {float(delay):g} ms (3502, stale), while "
            f"the service may wait {facts.deadline_ms} ms for identity: clients that wait do not connect again.",
            f"Set it well above the connect proxy's timeout (the default is {STALE_CLOSE_MS // 1000}s).",
        )


def _milliseconds(proxy: Proxy) -> float | None:
    try:
        return float(milliseconds(proxy.timeout.value))
    except (ValueError, OverflowError):
        return None


@RULES.rule("connection-meta-off", Severity.ERROR)
def connection_meta_off(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if proxy.event in SESSION_EVENTS and not proxy.connection_meta.value:
            yield Problem(
                proxy.connection_meta.path,
                f"{proxy.event} comes without what connect found out about the user, and is refused to everybody"
                + (": each connection ends when it expires, and is made anew." if proxy.event == "refresh" else "."),
                "Set it to true.",
            )
