"""The facts about this service that a Centrifugo configuration must fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from centrifugo_proxy.policy.rules import PLACEHOLDERS, WILDCARD, Policy
from centrifugo_proxy.protocol.codes import CHANNEL_EVENTS, SESSION_EVENTS, ResponseMode, path_of

CONNECT_SETTINGS: Final = "IDENTITY_VALIDATE_DEADLINE_MS plus FALLBACK_CLAIMS_DEADLINE_MS"


class Deadline(NamedTuple):
    """The longest time that the service waits for other services, and the settings that determine it."""

    setting: str
    ms: int


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """This service, as Centrifugo sees it.

    `base_url` has no trailing slash. `tokens` are the tokens that the guard accepts, with the current one first.
    `signed` is true if the guard also requires a signature. `events` are the events that the service answers, including
    connect.
    `deadline_ms` is the deadline of calls to identity. The deadlines of the claim store, the family service and the rpc
    backends are 0 if they are not configured.
    `namespaces` maps each namespace of the policy's channels to the events that the policy allows in it. The name is ""
    for channels without a namespace. `pool` is true if clients can connect with fallback tickets: such connections
    expire. `subscriptions_expire` is true if subscriptions expire. `max_body_bytes` is the size of the largest body
    that the service reads.
    """

    base_url: str
    deadline_ms: int
    mode: ResponseMode
    invalid_ticket_code: int
    tokens: tuple[bytes, ...] = field(default=(), repr=False)
    signed: bool = False
    events: tuple[str, ...] = ("connect",)
    claims_deadline_ms: int = 0
    family_deadline_ms: int = 0
    rpc_deadline_ms: int = 0
    namespaces: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pool: bool = False
    subscriptions_expire: bool = False
    max_body_bytes: int = 65536

    def endpoint(self, event: str) -> str:
        """The URL to which Centrifugo sends the requests of this event."""
        return f"{self.base_url}{path_of(event)}"

    def session_events(self, among: tuple[str, ...] = SESSION_EVENTS) -> tuple[str, ...]:
        """The events of `among` that the service answers."""
        return tuple(event for event in among if event in self.events)

    def deadline(self, event: str) -> Deadline:
        """The time that Centrifugo's timeout must exceed. 0 ms if the service calls no other service for this event."""
        if event == "rpc":
            return Deadline("RPC_DEADLINE_MS", self.rpc_deadline_ms)
        if event in CHANNEL_EVENTS:
            return Deadline("FAMILY_SERVICE_DEADLINE_MS", self.family_deadline_ms)
        if event == "connect" and self.claims_deadline_ms:
            # The longest wait: identity does not answer in time, and then a fallback ticket is claimed.
            return Deadline(CONNECT_SETTINGS, self.deadline_ms + self.claims_deadline_ms)
        return Deadline("IDENTITY_VALIDATE_DEADLINE_MS", self.deadline_ms)


def namespaces_of(policy: Policy) -> dict[str, frozenset[str]]:
    """The namespaces of a policy's channels, each with the events that the policy's rules allow in it.

    The name is "" for channels without a namespace. A rule that begins with a wildcard or a placeholder is left out,
    because it may match any namespace.
    """
    allowed: dict[str, frozenset[str]] = {}
    for rule in policy.channels:
        name = rule.segments[0] if len(rule.segments) > 1 else ""
        if name != WILDCARD and name not in PLACEHOLDERS:
            allowed[name] = allowed.get(name, frozenset()) | {action.value for action in rule.allow}
    return allowed


def reconnects(code: int) -> bool:
    """True if the SDKs reconnect after this disconnect code: https://centrifugal.dev/docs/server/codes"""
    return not (3500 <= code < 4000 or 4500 <= code < 5000)
