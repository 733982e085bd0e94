"""The settings, as a configuration for Centrifugo has to fit them."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from centrifugo_proxy.assembly import answered_events, build_guard
from centrifugo_proxy.centrifugo.expected import Expected

if TYPE_CHECKING:
    from django.conf import LazySettings


def expected_of(settings: "LazySettings", endpoint: str = "") -> Expected:
    """`endpoint` is the URL at which Centrifugo reaches this service; ValueError when it is none.

    Raises SecretError when a secret of the guard cannot be read.
    """
    guard = build_guard(settings)
    return Expected(
        base_url=base_url(endpoint or f"http://localhost:{settings.LISTEN_PORT}"),
        deadline_ms=settings.IDENTITY_VALIDATE_DEADLINE_MS,
        mode=settings.CENTRIFUGO_RESPONSE_MODE,
        invalid_ticket_code=settings.CENTRIFUGO_INVALID_TICKET_CODE,
        tokens=guard.tokens,
        signed=bool(guard.secrets),
        events=answered_events(settings),
    )


def base_url(text: str) -> str:
    """An http(s) URL without a trailing slash; ValueError for anything else."""
    if not _is_base_url(text):
        raise ValueError(f"{text!r} is not the URL of this service, such as http://realtime:9730")
    return text.rstrip("/")


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        plain = not parts.query and not parts.fragment and not any(character.isspace() for character in text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and plain
    except ValueError:
        return False
