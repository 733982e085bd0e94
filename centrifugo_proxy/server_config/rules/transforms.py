"""Findings about Centrifugo's handling of the service's HTTP statuses."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.protocol.codes import INVALID_TICKET_REASON, REFRESH_EVENTS, ResponseMode
from centrifugo_proxy.server_config.configuration import Configuration, Proxy, Transform
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.rules.proxy import ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts, reconnects

RULES: Final = Register()

REFUSED: Final = 401
PASSING: Final = (500, 503)
TOKEN_EXPIRED: Final = 109  # After this error SDKs ask the app for a JWT. The app has none, so they stop.


def tries_again(transform: Transform) -> bool:
    """True if clients reconnect after a connect that ends with this error or disconnect."""
    if transform.error_code:
        passing = transform.error_temporary or transform.error_code < 100
        return passing and transform.error_code != TOKEN_EXPIRED
    return reconnects(transform.disconnect_code)


def _effective(proxy: Proxy, status: int) -> Transform | None:
    """The transform that Centrifugo applies: the first one for this status."""
    usable = (each for each in proxy.transforms.value if each.error_code or each.disconnect_code)
    return next((each for each in usable if each.status == status), None)


@RULES.rule("transform-401-missing", Severity.ERROR)
def transform_401_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        unanswered = proxy.event == "connect" and _effective(proxy, REFUSED) is None
        if unanswered and facts.mode is ResponseMode.HTTP:
            yield Problem(
                proxy.transforms.path,
                "The service answers a refused ticket with 401. Clients see this as a temporary internal error. They "
                "retry forever, and the app never learns that the user must sign in.",
                f'Add {{"status_code": 401, "to_disconnect": {{"code": {facts.invalid_ticket_code}, "reason": '
                f'"{INVALID_TICKET_REASON}"}}}}, or set CENTRIFUGO_RESPONSE_MODE=envelope.',
            )


@RULES.rule("transform-401-reconnects", Severity.WARNING)
def transform_401_reconnects(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        transform = _effective(proxy, REFUSED)
        wanted = facts.mode is ResponseMode.HTTP and not reconnects(facts.invalid_ticket_code)
        if transform and wanted and proxy.event == "connect" and tries_again(transform):
            yield Problem(
                transform.path,
                "With this transform, clients reconnect after a refused ticket. CENTRIFUGO_INVALID_TICKET_CODE "
                f"({facts.invalid_ticket_code}) says that they should stop. So the app never learns that identity "
                "refuses its user.",
                f"Use the disconnect code {facts.invalid_ticket_code}, or set CENTRIFUGO_INVALID_TICKET_CODE to a code "
                "within 4000–4499.",
            )


@RULES.rule("transform-401-terminal", Severity.ERROR)
def transform_401_terminal(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        transform = _effective(proxy, REFUSED)
        wanted = facts.mode is ResponseMode.HTTP and reconnects(facts.invalid_ticket_code)
        if transform and wanted and proxy.event == "connect" and not tries_again(transform):
            yield Problem(
                transform.path,
                "With this transform, clients never reconnect after a refused ticket. CENTRIFUGO_INVALID_TICKET_CODE "
                f"({facts.invalid_ticket_code}) says that they should reconnect. A ticket can expire before it is "
                "sent, for example while a phone sleeps. Its user then stays disconnected until the app is restarted.",
                f"Use the disconnect code {facts.invalid_ticket_code}, or set CENTRIFUGO_INVALID_TICKET_CODE to a code "
                "within 4500–4999 if refused clients should stop.",
            )


@RULES.rule("transform-outage-terminal", Severity.ERROR)
def transform_outage_terminal(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        for status in PASSING:
            transform = _effective(proxy, status)
            if transform and proxy.event not in REFRESH_EVENTS and _ends_client(transform, proxy.event):
                yield Problem(
                    transform.path,
                    f"The service answers a temporary fault with {status}. With this transform, clients do not "
                    "reconnect, and their users stay disconnected until the app is restarted.",
                    f"Remove the transform of {status}. Without it, clients stay connected or reconnect.",
                )


def _ends_client(transform: Transform, event: str) -> bool:
    """True if the client stops permanently. On events other than connect, an error only fails one command."""
    return not tries_again(transform) and (event == "connect" or not transform.error_code)


@RULES.rule("transform-on-refresh", Severity.ERROR)
def transform_on_refresh(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """401 is left out: the service sends it only for connect, and in v5 one list may apply to all events."""
    for proxy in ours(configuration, facts):
        for transform in proxy.transforms.value:
            if proxy.event in REFRESH_EVENTS and transform.status != REFUSED:
                what = "connection" if proxy.event == "refresh" else "subscription"
                yield Problem(
                    transform.path,
                    f"With this transform, the status {transform.status} ends the user's {what}. A transformed status "
                    f"has no result. If a {proxy.event} has no result, Centrifugo treats the {what} as expired. "
                    f"Without the transform, the {what} continues for another minute.",
                    f"Remove it from the {proxy.event} proxy"
                    + ("." if configuration.major == 6 else "; in v5 that needs granular_proxy_mode."),
                )
