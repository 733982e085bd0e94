"""Collects from the settings what a Centrifugo configuration must match."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from centrifugo_proxy.policy.rules import Policy
from centrifugo_proxy.protocol.codes import EVENTS, path_of
from centrifugo_proxy.server_config.service_facts import ServiceFacts, namespaces_of
from centrifugo_proxy.wiring.assembly import answered_events, build_guard
from centrifugo_proxy.wiring.policy import load_policy

if TYPE_CHECKING:
    from django.conf import LazySettings

# The suffix to remove if an event's endpoint was given in place of the service's URL.
EVENT_PATH = re.compile(
    rf"({'|'.join(re.escape(path_of(event)) for event in EVENTS)}|{re.escape(path_of('').rstrip('/'))})$"
)


def service_facts(settings: "LazySettings", endpoint: str = "") -> ServiceFacts:
    """The facts that follow from the settings. `endpoint` is the URL at which Centrifugo reaches this service.

    Raises ValueError for a bad URL, SecretError for an unusable guard secret, and PolicyError for an unusable policy.
    """
    guard = build_guard(settings)
    policy = load_policy(settings) if settings.CHANNEL_POLICY_PATH else Policy()
    claimed = settings.FALLBACK_TICKETS_PATH and (settings.FALLBACK_CLAIMS_URL or settings.FALLBACK_CLAIMS_URL_FILE)
    family_service = bool(settings.FAMILY_SERVICE_GRPC_ADDRESS)
    return ServiceFacts(
        base_url=base_url(endpoint or f"http://localhost:{settings.LISTEN_PORT}"),
        deadline_ms=settings.IDENTITY_VALIDATE_DEADLINE_MS,
        mode=settings.CENTRIFUGO_RESPONSE_MODE,
        invalid_ticket_code=settings.CENTRIFUGO_INVALID_TICKET_CODE,
        tokens=guard.tokens,
        signed=bool(guard.secrets),
        events=answered_events(settings),
        claims_deadline_ms=settings.FALLBACK_CLAIMS_DEADLINE_MS if claimed else 0,
        family_deadline_ms=settings.FAMILY_SERVICE_DEADLINE_MS if family_service else 0,
        rpc_deadline_ms=settings.RPC_DEADLINE_MS if settings.RPC_BACKENDS else 0,
        namespaces=namespaces_of(policy),
        pool=bool(settings.FALLBACK_TICKETS_PATH),
        subscriptions_expire=settings.CHANNEL_SUBSCRIPTION_TTL_S > 0 or family_service,
        max_body_bytes=settings.PROXY_MAX_BODY_BYTES,
    )


def base_url(text: str) -> str:
    """The URL in `text`, without a slash, `/centrifugo` or the path of an event at its end.

    Any other path is kept, because it may belong to a gateway in front of the service. Raises ValueError if `text` is
    not an http(s) URL, or if it has a query, a fragment or white space.
    """
    if not _is_base_url(text):
        raise ValueError(f"{text!r} is not the URL of this service, such as http://realtime:9730")
    return EVENT_PATH.sub("", text.rstrip("/"))


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        plain = not any(character in "?#" or character.isspace() for character in text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and plain
    except ValueError:
        return False
