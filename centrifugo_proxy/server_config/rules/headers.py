"""Findings about headers that must not be forwarded, or that cannot be sent."""

import re
from collections.abc import Iterator
from typing import Final

from centrifugo_proxy.server_config.configuration import Configuration, FromSecret
from centrifugo_proxy.server_config.findings import Problem, Register, Severity
from centrifugo_proxy.server_config.rules.proxy import fate_of_failures, ours
from centrifugo_proxy.server_config.service_facts import ServiceFacts

RULES: Final = Register()

# Headers that describe one connection (RFC 9110, section 7.6.1), or the encoding of one message.
BREAKING: Final = frozenset(
    {"connection", "upgrade", "keep-alive", "proxy-connection", "te", "expect", "http2-settings", "transfer-encoding"}
    | {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"}
    | {"content-encoding", "accept-encoding"}
)
IGNORED: Final = frozenset({"host", "content-length", "content-type", "trailer"})
DROPPED: Final = frozenset({"transfer-encoding"})  # Go's client drops it from the static headers, and writes its own
CLIENTS_HOST: Final = (
    " If you need the client's host, let the proxy in front of Centrifugo set X-Forwarded-Host, and list that header."
)
GATEWAYS_HOST: Final = " If a gateway needs another host, write that host in the endpoint's URL."
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, section 5.6.2
UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@RULES.rule("header-of-connection", Severity.ERROR)
def header_of_connection(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        for names in proxy.client_headers:
            for name in sorted(BREAKING & {name.lower() for name in names.value}):
                yield Problem(
                    names.path,
                    f"{name} describes the client's own connection, but Centrifugo copies it to its own request. A "
                    "server or gateway may treat the request as a WebSocket handshake, drop the request, or close the "
                    f"connection after each {proxy.event}. If requests fail, {fate_of_failures(proxy.event)}.",
                    f"Remove {name} from the list.",
                )
        for name in sorted((BREAKING - DROPPED) & proxy.static_headers.value.keys()):
            yield Problem(
                proxy.static_headers.path,
                f"{name} describes one connection or one body, but Centrifugo sends it with every {proxy.event}. A "
                "server or gateway may treat the request as a WebSocket handshake, wait for more of the body, or close "
                f"the connection after each request. If requests fail, {fate_of_failures(proxy.event)}.",
                f"Remove {name}.",
            )


@RULES.rule("header-ignored", Severity.WARNING)
def header_ignored(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        for names in proxy.client_headers:
            for name in sorted(IGNORED & {name.lower() for name in names.value}):
                yield Problem(
                    names.path,
                    f"Centrifugo sets or omits {name} itself, and never forwards the client's value.",
                    f"Remove {name} from the list.{CLIENTS_HOST if name == 'host' else ''}",
                )
        for name in sorted((IGNORED | DROPPED) & proxy.static_headers.value.keys()):
            yield Problem(
                proxy.static_headers.path,
                f"Centrifugo sets or omits {name} itself, and never sends this value.",
                f"Remove {name}.{GATEWAYS_HOST if name == 'host' else ''}",
            )


@RULES.rule("header-unsendable", Severity.ERROR)
def header_unsendable(configuration: Configuration, facts: ServiceFacts) -> Iterator[Problem]:
    for proxy in ours(configuration, facts):
        for name, value in proxy.static_headers.value.items():
            if isinstance(value, FromSecret):
                continue
            bad_name = not TOKEN.fullmatch(name)
            if bad_name or UNSENDABLE.search(value):
                bad_value = "value has a line break or another control character"
                fault = "name has a character that is not allowed" if bad_name else bad_value
                yield Problem(
                    proxy.static_headers.path,
                    f"No HTTP request can carry the header {name!r}: its {fault}. Every {proxy.event} "
                    f"fails, and {fate_of_failures(proxy.event)}.",
                    "Correct it. A line break often comes from a Secret that was made from a file: "
                    "write the file with printf %s instead of echo.",
                )
