"""Findings about the guard's header."""

from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.protocol.guard import SIGNATURE_HEADER_NAME, TOKEN_HEADER_NAME
from centrifugo_proxy.server_config.configuration import ANY_NAME, Configuration, FromSecret, Proxy
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.generate import V5_HEADERS_VARIABLE
from centrifugo_proxy.server_config.rules.proxy import fate_of_failures, ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

GUARD: Final = TOKEN_HEADER_NAME.lower()
AUTHORIZATION: Final = "authorization"
ONLY_OURS: Final = (GUARD, SIGNATURE_HEADER_NAME.lower())
REFERENCE: Final = "${CENTRIFUGO_VAR_"


@RULES.rule("guard-header-missing", Severity.ERROR)
def guard_header_missing(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        if facts.tokens and _sent(proxy) is None:
            yield Problem(
                proxy.static_headers.path,
                "CENTRIFUGO_PROXY_TOKEN is set, but Centrifugo does not send it. The service answers every "
                f"{proxy.event} with 403, and {fate_of_failures(proxy.event)}.",
                f"Send {TOKEN_HEADER_NAME} as a static header, as manage.py centrifugo_config prints it.",
            )


@RULES.rule("guard-header-wrong", Severity.ERROR)
def guard_header_wrong(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        sent = _sent(proxy)
        if facts.tokens and sent is not None and not _may_be_right(configuration, sent, facts.tokens):
            yield Problem(
                proxy.static_headers.path,
                "The value of the header is neither an accepted token nor a reference that this version of Centrifugo "
                f"replaces. The service answers every {proxy.event} with 403, and {fate_of_failures(proxy.event)}.",
                "Use the value of CENTRIFUGO_PROXY_TOKEN. Centrifugo 6.3.0 or newer also accepts a reference to its "
                "environment (${CENTRIFUGO_VAR_…}). v5 can read the whole table from its environment variable "
                f"{V5_HEADERS_VARIABLE}.",
            )


def token_header(proxy: Proxy) -> str:
    """The lower-case name of the header that carries the token. ANY_NAME if the headers are stored elsewhere."""
    static = proxy.static_headers.value
    return ANY_NAME if ANY_NAME in static else GUARD if static.get(GUARD) else AUTHORIZATION


def _sent(proxy: Proxy) -> str | None:
    """The token as the service reads it: from its own header, or from Authorization if its own header is empty.

    None if there is no token in either header.
    """
    static: dict[str, str] = proxy.static_headers.value
    if ANY_NAME in static:
        return static[ANY_NAME]
    if own := static.get(GUARD):
        return own
    scheme, _, token = static.get(AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _may_be_right(configuration: Configuration, sent: str, tokens: tuple[bytes, ...]) -> bool:
    if isinstance(sent, FromSecret) or (configuration.major == 6 and REFERENCE in sent):
        return True
    flat = configuration.option("proxy_static_http_headers").value is not None
    if configuration.major == 5 and flat and sent == f"${{{V5_HEADERS_VARIABLE}}}":
        return True
    return sent.encode() in tokens


@RULES.rule("guard-header-from-client", Severity.ERROR)
def guard_header_from_client(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        for names in proxy.client_headers:
            for name in _guarding(proxy, facts) & {name.lower() for name in names.value}:
                yield Problem(
                    names.path,
                    f"Centrifugo forwards the client's {name}, and does not send a static header with that name. The "
                    "service refuses a client that sends a wrong value. A client that sends a leaked token passes the "
                    "guard.",
                    f"Remove {name} from the list.",
                )


def _guarding(proxy: Proxy, facts: ServiceFacts) -> set[str]:
    """The guard's headers. Authorization is one of them only if the service reads the token from it."""
    by_authorization = facts.tokens and not proxy.static_headers.value.get(GUARD)
    return {*ONLY_OURS, AUTHORIZATION} if by_authorization else set(ONLY_OURS)
