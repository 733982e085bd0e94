"""Generates a Centrifugo configuration that fits the facts of this service.

https://centrifugal.dev/docs/server/proxy, and for v5 https://centrifugal.dev/docs/5/server/proxy
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS, INVALID_TICKET_REASON, ResponseMode
from centrifugo_proxy.protocol.guard import TOKEN_HEADER_NAME
from centrifugo_proxy.server_config.document import Commented, Tree, plain
from centrifugo_proxy.server_config.service_facts import ServiceFacts

MAJORS: Final = (6, 5)
TIMEOUT_MARGIN_MS: Final = 500
# SDKs wait five seconds until a connection is open, and then five seconds for the answer to the connect command.
SDK_STEPS_MS: Final = 10_000
PATIENT_STALE_CLOSE_MS: Final = 2 * SDK_STEPS_MS
NAMESPACE_NAME: Final = re.compile(r"[-a-zA-Z0-9_.]{2,}")  # Centrifugo does not start with any other name
V6_GUARD_VARIABLE: Final = "CENTRIFUGO_VAR_PROXY_TOKEN"
V5_HEADERS_VARIABLE: Final = "CENTRIFUGO_PROXY_STATIC_HTTP_HEADERS"

ORIGINS: Final = (
    "Fill in the origin of your web app, for example https://app.example.com. Centrifugo refuses browsers and web "
    "views from other origins. While the list is empty, it refuses all browsers and web views. Never use *."
)
TIMEOUT: Final = (
    "Longer than {deadline.setting} ({deadline.ms} ms), so that Centrifugo waits for the service's answer.{why}"
)
TICKET: Final = " If it does not wait, the ticket is spent and the client is not connected."
TRANSFORMS: Final = (
    "Centrifugo reads the body of an answer only if its status is 200. Without this transform, a refused ticket (401) "
    "looks like a temporary fault, and the client never learns that its ticket was refused. 503 and 500 are temporary "
    "faults, so they need no transform."
)
META: Final = (
    "The service needs the meta of its connect reply for its decisions. Centrifugo sends the meta back only with this "
    "option."
)
V6_HEADER: Final = f"Centrifugo (6.3.0 or newer) takes this value from its environment variable {V6_GUARD_VARIABLE}."
V5_HEADER: Final = (
    f"This is a placeholder. Centrifugo's environment variable {V5_HEADERS_VARIABLE} replaces the whole table. Set the "
    f'variable to {{"{TOKEN_HEADER_NAME}": "<the value of CENTRIFUGO_PROXY_TOKEN>"}}.'
)
PLAIN_HEADER: Final = "This is the guard's token. Protect this file like the token itself."
NAMESPACES: Final = (
    "The namespaces of the policy's channels. Their proxies ask the service who may use a channel. Add the options "
    "that your channels need: history_size and history_ttl, presence, and the rights of subscribers to both."
)
STALE: Final = (
    "If a connection is not accepted within this time, Centrifugo closes it with 3502. SDKs do not reconnect after "
    "3502. An SDK itself gives up after at most ten seconds, and then tries again. So this time must be longer than "
    "Centrifugo's default of ten seconds."
)


class NotPossible(ValueError):
    """No configuration can be generated from these facts and options. The message says why."""


def generate(facts: ServiceFacts, major: int, file_format: str, *, with_secrets: bool = False) -> Tree:
    """The whole configuration in the layout of this major version. Raises NotPossible."""
    tree = (_v6 if major == 6 else _v5)(facts, with_secrets)
    return _v5_yaml(tree) if (major, file_format) == (5, "yaml") else tree


def todo(facts: ServiceFacts, major: int, *, with_secrets: bool = False) -> list[str]:
    """The steps that remain for the operator. They are for the terminal, because JSON has no comments."""
    lines = [f"{'client.allowed_origins' if major == 6 else 'allowed_origins'}: {ORIGINS}"]
    if facts.tokens and not with_secrets:
        lines.append(f"{TOKEN_HEADER_NAME}: {V6_HEADER if major == 6 else V5_HEADER}")
    if facts.pool and "refresh" not in facts.events:
        lines.append(
            "CENTRIFUGO_REFRESH is off: connections with fallback tickets expire, and then the JavaScript SDK does not "
            "reconnect. Set CENTRIFUGO_REFRESH to auto."
        )
    if facts.signed:
        lines.append(
            "CENTRIFUGO_PROXY_SECRET is set: Centrifugo cannot sign its requests. Put a signing gateway in front of "
            "the service, and give the gateway's URL as --endpoint. Or use CENTRIFUGO_PROXY_TOKEN instead."
        )
    return lines


def timeout(facts: ServiceFacts, event: str) -> Tree:
    """The timeout, which is longer than the service's deadline.

    Empty if the service calls no other service for this event: Centrifugo's default of 1 s is then enough.
    """
    deadline = facts.deadline(event)
    if not deadline.ms:
        return {}
    why = TICKET if event == "connect" else ""
    return {"timeout": Commented(f"{deadline.ms + TIMEOUT_MARGIN_MS}ms", TIMEOUT.format(deadline=deadline, why=why))}


def _stale_close_delay(facts: ServiceFacts) -> Commented:
    delay_ms = max(PATIENT_STALE_CLOSE_MS, facts.deadline("connect").ms + 2 * TIMEOUT_MARGIN_MS)
    return Commented(f"{delay_ms}ms", STALE)


def transforms(facts: ServiceFacts) -> list[dict[str, Any]]:
    """The transforms of connect, the only event that is answered with 401."""
    if facts.mode is not ResponseMode.HTTP:
        return []
    return [{"status_code": 401, "to_disconnect": {"code": facts.invalid_ticket_code, "reason": INVALID_TICKET_REASON}}]


def _token(facts: ServiceFacts) -> str:
    try:
        return facts.tokens[0].decode("ascii")
    except UnicodeDecodeError:
        raise NotPossible(
            "CENTRIFUGO_PROXY_TOKEN is not ASCII text, so it cannot be printed. Leave out --with-secrets."
        ) from None


def _namespaces(facts: ServiceFacts) -> Iterator[str]:
    """Raises NotPossible."""
    for name in filter(None, facts.namespaces):
        if not NAMESPACE_NAME.fullmatch(name):
            raise NotPossible(
                f"The policy has channels in the namespace {name!r}. Centrifugo needs a name of two or more "
                "ASCII letters, digits, hyphens, underscores or dots."
            )
        yield name


def _v6(facts: ServiceFacts, with_secrets: bool) -> Tree:
    client: Tree = {
        "allowed_origins": Commented([], ORIGINS),
        "stale_close_delay": _stale_close_delay(facts),
        "proxy": {"connect": {"enabled": True, **_v6_proxy(facts, "connect", with_secrets)}},
    }
    if "refresh" in facts.events:
        client["proxy"]["refresh"] = {"enabled": True, **_v6_proxy(facts, "refresh", with_secrets)}
    tree: Tree = {"client": client}
    if channel_events := facts.session_events(CHANNEL_EVENTS):
        proxies = {event: _v6_proxy(facts, event, with_secrets) for event in channel_events}
        enabled = {f"{event}_proxy_enabled": True for event in channel_events}
        namespaces = [{"name": name, **enabled} for name in _namespaces(facts)]
        without = {"without_namespace": enabled} if "" in facts.namespaces else {}
        tree["channel"] = {"namespaces": Commented(namespaces, NAMESPACES), **without, "proxy": proxies}
    if "rpc" in facts.events:
        tree["rpc"] = {"without_namespace": {"proxy_enabled": True}, "proxy": _v6_proxy(facts, "rpc", with_secrets)}
    return tree


def _v6_proxy(facts: ServiceFacts, event: str, with_secrets: bool) -> Tree:
    proxy: Tree = {"endpoint": facts.endpoint(event), **timeout(facts, event)}
    if event != "connect":
        proxy["include_connection_meta"] = Commented(True, META)
    http: Tree = {}
    if event == "connect" and (found := transforms(facts)):
        http["status_to_code_transforms"] = Commented(found, TRANSFORMS)
    if facts.tokens and with_secrets:
        http["static_headers"] = Commented({TOKEN_HEADER_NAME: _token(facts)}, PLAIN_HEADER)
    elif facts.tokens:
        http["static_headers"] = Commented({TOKEN_HEADER_NAME: f"${{{V6_GUARD_VARIABLE}}}"}, V6_HEADER)
    return {**proxy, "http": http} if http else proxy


def _v5(facts: ServiceFacts, with_secrets: bool) -> Tree:
    """The flat layout, in which all events share the headers and transforms.

    The transform of 401 affects only connect, because the service answers no other event with 401.
    """
    tree: Tree = {"allowed_origins": Commented([], ORIGINS), "client_stale_close_delay": _stale_close_delay(facts)}
    for event in facts.events:
        tree[f"proxy_{event}_endpoint"] = facts.endpoint(event)
        tree |= {f"proxy_{event}_{name}": value for name, value in timeout(facts, event).items()}
    if found := transforms(facts):
        tree["proxy_http_status_code_transforms"] = Commented(found, TRANSFORMS)
    if facts.session_events():
        tree["proxy_include_connection_meta"] = Commented(True, META)
    if facts.tokens and with_secrets:
        tree["proxy_static_http_headers"] = Commented({TOKEN_HEADER_NAME: _token(facts)}, PLAIN_HEADER)
    elif facts.tokens:
        tree["proxy_static_http_headers"] = Commented({TOKEN_HEADER_NAME: f"${{{V5_HEADERS_VARIABLE}}}"}, V5_HEADER)
    return tree | _v5_namespaces(facts)


def _v5_namespaces(facts: ServiceFacts) -> Tree:
    enabled: Tree = {f"proxy_{event}": True for event in facts.session_events(CHANNEL_EVENTS)}
    if not enabled:
        return {}
    namespaces = [{"name": name, **enabled} for name in _namespaces(facts)]
    return {**(enabled if "" in facts.namespaces else {}), "namespaces": Commented(namespaces, NAMESPACES)}


def _v5_yaml(tree: Tree) -> Tree:
    """v5 cannot read a table inside an entry of a YAML list, but it reads the same list as JSON text."""
    return {key: _as_text(node) if _is_nested(plain(node)) else node for key, node in tree.items()}


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(inner, dict | list) for item in value for inner in item.values())


def _as_text(node: Any) -> Any:
    text = json.dumps(plain(node))
    return Commented(text, node.comment) if isinstance(node, Commented) else text
