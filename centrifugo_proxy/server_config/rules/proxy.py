"""Findings about the endpoints of proxies, their timeouts, and the connection meta."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS, EVENTS, REFRESH_EVENTS, SESSION_EVENTS, path_of
from centrifugo_proxy.server_config.configuration import Configuration, FromSecret, Proxy
from centrifugo_proxy.server_config.durations import milliseconds
from centrifugo_proxy.server_config.endpoints import why_not_callable
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.generate import TIMEOUT_MARGIN_MS
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
    "subscribe": "the policy does not decide about subscriptions",
    "publish": "the policy does not decide about publications",
    "sub_refresh": "a lock that is turned on while a user is subscribed has no effect on that subscription",
    "rpc": "every RPC call of a client fails",
}
LATE: Final = {
    "connect": "if the answer is slow, the ticket is spent after Centrifugo has hung up, and the user is not connected",
    "refresh": "a slow answer is lost, and the connection continues for another minute without a check",
    "sub_refresh": "a slow answer is lost, and the subscription continues for another minute without a check",
    "rpc": "a slow call fails for the user although the backend completes it, and a retry runs the call again",
}
LATE_ELSEWHERE: Final = "a slow answer is lost, and the user sees a temporary internal error"


def ours(configuration: Configuration, facts: ServiceFacts) -> Iterator[Proxy]:
    """The proxies that call this service, or that should call it. Other proxies may call another backend."""
    for proxy in configuration.proxies:
        if _is_path_of(proxy) or (proxy.event in facts.events and _is_meant(proxy, facts)):
            yield proxy


def _is_meant(proxy: Proxy, facts: ServiceFacts) -> bool:
    """True if a proxy of an event that this service answers should call this service.

    A named proxy should do so only if it serves connections, RPC methods without a namespace, or a namespace of the
    policy.
    """
    served = facts.namespaces if proxy.event in CHANNEL_EVENTS else ("",)
    return not proxy.named or not proxy.users.isdisjoint(served)


def _is_path_of(proxy: Proxy) -> bool:
    try:
        return urlsplit(str(proxy.endpoint.value)).path.endswith(path_of(proxy.event))
    except ValueError:
        return False


def fate_of_failures(event: str) -> str:
    """What happens if every request of this event fails."""
    if event in REFRESH_EVENTS:
        what = "connection" if event == "refresh" else "subscription"
        return f"the {what} continues for another minute each time, without a check"
    return "users see a temporary internal error each time"


def is_http(endpoint: str) -> bool:
    """True if Centrifugo calls this endpoint by HTTP, not gRPC."""
    return endpoint.startswith(("http://", "https://"))


@RULES.rule("connect-proxy-missing", Severity.ERROR)
def connect_proxy_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    proxy = configuration.proxy("connect")
    if proxy is None:
        yield Problem(
            PATH_OF_PROXY[configuration.major]["connect"],
            "Without a connect proxy Centrifugo refuses users who have a valid ticket.",
            f"Enable the connect proxy with the endpoint {facts.endpoint('connect')}.",
        )


@RULES.rule("event-proxy-missing", Severity.WARNING)
def event_proxy_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for event in facts.session_events(tuple(WITHOUT_PROXY)):
        effect = f"The service is set up to answer {event}, but Centrifugo does not call it: {WITHOUT_PROXY[event]}."
        if not any(proxy.event == event for proxy in configuration.proxies):
            yield Problem(
                PATH_OF_PROXY[configuration.major][event],
                effect,
                f"Set up the {event} proxy with the endpoint {facts.endpoint(event)}, "
                "as manage.py centrifugo_config prints it.",
            )
        # The rule policy-namespace-missing checks the proxies of channel namespaces.
        elif event == "rpc" and configuration.proxy(event) is None:
            yield Problem(RPC_SWITCH, effect, "Set it to true: the proxy is set up, but not in use.")


@RULES.rule("refresh-proxy-missing", Severity.ERROR)
def refresh_proxy_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    answered = "refresh" in facts.events
    if configuration.proxy("refresh") is None and (answered or facts.pool):
        yield Problem(
            PATH_OF_PROXY[configuration.major]["refresh"],
            "When a connection expires, Centrifugo expects a JWT from its client. The client has none, the JavaScript "
            "SDK does not reconnect, and the user stays disconnected until the app is restarted. A connection expires "
            "if it uses a fallback ticket, or if identity sets expire_at for it.",
            ("" if answered else "Set CENTRIFUGO_REFRESH=auto for the service. ")
            + f"Set up the refresh proxy with the endpoint {facts.endpoint('refresh')}, "
            "as manage.py centrifugo_config prints it.",
        )


@RULES.rule("event-not-answered", Severity.ERROR)
def event_not_answered(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if proxy.users and proxy.event not in facts.events:
            yield Problem(
                proxy.endpoint.path,
                f"The service is not set up for {proxy.event} and answers 501: {fate_of_failures(proxy.event)}.",
                f"Set {_switch(proxy.event)} for the service, or remove the {proxy.event} proxy.",
            )


def _switch(event: str) -> str:
    return "CENTRIFUGO_REFRESH=on" if event == "refresh" else "CHANNEL_POLICY_PATH"


def _is_callable(proxy: Proxy) -> bool:
    """True for a known HTTP endpoint to which a request can be sent."""
    return _is_known(proxy) and is_http(proxy.endpoint.value) and not why_not_callable(proxy.endpoint.value)


def _is_known(proxy: Proxy) -> bool:
    return not isinstance(proxy.endpoint.value, FromSecret) and "${" not in proxy.endpoint.value


@RULES.rule("endpoint-invalid", Severity.ERROR)
def endpoint_invalid(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """Centrifugo starts even with an invalid endpoint. The rule reference-literal reports a `${…}` in an endpoint."""
    for proxy in ours(configuration, facts):
        endpoint = proxy.endpoint.value
        if _is_known(proxy) and is_http(endpoint) and (problem := why_not_callable(endpoint)):
            yield Problem(
                proxy.endpoint.path,
                f"Centrifugo cannot send a request to this endpoint: its {problem}. Every {proxy.event} "
                f"fails, and {fate_of_failures(proxy.event)}.",
                f"Use {facts.endpoint(proxy.event)}, with the host at which Centrifugo reaches the service.",
            )


@RULES.rule("endpoint-path", Severity.ERROR)
def endpoint_path(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if _is_callable(proxy) and not _is_path_of(proxy):
            yield Problem(
                proxy.endpoint.path,
                f"The service answers {proxy.event} only at {path_of(proxy.event)}, without a slash at the end. It "
                f"answers an unknown path with 404, and {fate_of_failures(proxy.event)}.",
                f"Use {facts.endpoint(proxy.event)}, with the host at which Centrifugo reaches the service.",
            )


@RULES.rule("endpoint-grpc", Severity.ERROR)
def endpoint_grpc(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        endpoint = proxy.endpoint.value
        hidden = isinstance(endpoint, FromSecret)
        if proxy.event in facts.events and endpoint and not hidden and not is_http(endpoint):
            yield Problem(
                proxy.endpoint.path,
                "Without http:// or https:// Centrifugo calls the endpoint by gRPC. This service supports only HTTP: "
                f"every {proxy.event} fails, and {fate_of_failures(proxy.event)}.",
                f"Use {facts.endpoint(proxy.event)}, with the host at which Centrifugo reaches the service.",
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
                f"Set it to {deadline.ms + TIMEOUT_MARGIN_MS}ms or more, with the unit (the default is 1s).",
            )


@RULES.rule("timeout-invalid", Severity.ERROR)
def timeout_invalid(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if _milliseconds(proxy) is None and not isinstance(proxy.timeout.value, FromSecret):
            yield Problem(
                proxy.timeout.path,
                "The timeout is not a duration, so Centrifugo does not start. No client can connect.",
                f'Write it with its unit: "{facts.deadline(proxy.event).ms + TIMEOUT_MARGIN_MS}ms".',
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
                f"Centrifugo sends no meta with {proxy.event}, so the service refuses every {proxy.event}"
                + (
                    ": each connection ends when it expires, and the client reconnects."
                    if proxy.event == "refresh"
                    else "."
                ),
                "Set it to true.",
            )
