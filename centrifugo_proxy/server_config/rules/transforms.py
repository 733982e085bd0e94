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
TOKEN_EXPIRED: Final = 109  # SDKs then ask the app for a JWT, which it does not have, and stop


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
                "The service answers a refused ticket with 401, which clients see as a temporary internal error: they "
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
                "After a refused ticket clients reconnect, although by CENTRIFUGO_INVALID_TICKET_CODE "
                f"({facts.invalid_ticket_code}) they should stop. The app never learns that identity refuses its user.",
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
                "After a refused ticket clients never reconnect, although by CENTRIFUGO_INVALID_TICKET_CODE "
                f"({facts.invalid_ticket_code}) they should. A user whose ticket expired before it was sent, for "
                "example while a phone slept, stays disconnected until the app is restarted.",
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
                    f"{status} is a temporary fault, but after this transform clients do not reconnect: their users "
                    "stay disconnected until the app is restarted.",
                    f"Remove the transform of {status}: without it, clients stay connected or reconnect.",
                )


def _ends_client(transform: Transform, event: str) -> bool:
    """True if the client stops permanently. On events other than connect, an error only fails one command."""
    return not tries_again(transform) and (event == "connect" or not transform.error_code)


@RULES.rule("transform-on-refresh", Severity.ERROR)
def transform_on_refresh(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    """401 is left out: the service answers only connect with it, and in v5 a list may apply to all events."""
    for proxy in ours(configuration, facts):
        for transform in proxy.transforms.value:
            if proxy.event in REFRESH_EVENTS and transform.status != REFUSED:
                what = "connection" if proxy.event == "refresh" else "subscription"
                yield Problem(
                    transform.path,
                    f"With this transform a {transform.status} ends the user's {what}: a transformed status has no "
                    f"result, and after a {proxy.event} without a result Centrifugo treats the {what} as expired. "
                    f"Without the transform the {what} continues for another minute.",
                    f"Remove it from the {proxy.event} proxy"
                    + ("." if configuration.major == 6 else "; in v5 that needs granular_proxy_mode."),
                )
