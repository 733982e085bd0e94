"""Centrifugo's events, the codes of our answers, and the code ranges that Centrifugo and its SDKs define.

Rules: https://centrifugal.dev/docs/server/proxy#return-custom-disconnect and
https://centrifugal.dev/docs/server/codes (SDKs reconnect after 4000–4499, never after 4500–4999).
"""

from enum import StrEnum
from typing import Final

DISCONNECT_CODES: Final = range(3000, 5000)
TERMINAL_DISCONNECT_CODES: Final = range(4500, 5000)
CLOSE_REASON_BYTES: Final = 123  # the longest reason in a WebSocket close frame (RFC 6455, 5.5)

CHANNEL_EVENTS: Final = ("subscribe", "sub_refresh", "publish")
SESSION_EVENTS: Final = ("refresh", *CHANNEL_EVENTS, "rpc")
EVENTS: Final = ("connect", *SESSION_EVENTS)
# For these events, an answer without `result` ends the connection or subscription. A failed call extends it by 60 s.
REFRESH_EVENTS: Final = ("refresh", "sub_refresh")
PATH_PREFIX: Final = "/centrifugo/"

INTERNAL: Final = 100
PERMISSION_DENIED: Final = 103
BAD_REQUEST: Final = 107
NOT_IMPLEMENTED: Final = 1501

# Error codes of the session events. Centrifugo leaves the codes 400–1999 to applications.
APPLICATION_ERROR_CODES: Final = range(400, 2000)
INVALID_DATA: Final = 400
FORBIDDEN: Final = 403
METHOD_NOT_FOUND: Final = 404
METHOD_NOT_FOUND_MESSAGE: Final = "unknown method"
TOO_LARGE: Final = 413
BACKEND_FAILED: Final = 500
BACKEND_UNAVAILABLE: Final = 503
RECONNECT: Final = 4000  # replaces a disconnect code outside Centrifugo's range

INVALID_TICKET: Final = 4401
INVALID_TICKET_REASON: Final = "invalid ticket"
UNAVAILABLE_HTTP: Final = 4503
UNAVAILABLE_ENVELOPE: Final = 4103  # in this mode the code reaches clients, which never reconnect after 4503


def path_of(event: str) -> str:
    """The path of the endpoint that answers `event`."""
    return PATH_PREFIX + event


class ResponseMode(StrEnum):
    """The HTTP status of refusals: each has its own status (`http`), or most of them have status 200 (`envelope`)."""

    HTTP = "http"
    ENVELOPE = "envelope"


def default_unavailable(mode: ResponseMode) -> int:
    """The default of CENTRIFUGO_UNAVAILABLE_CODE in this mode."""
    return UNAVAILABLE_HTTP if mode is ResponseMode.HTTP else UNAVAILABLE_ENVELOPE
