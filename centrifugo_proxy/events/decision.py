"""What every event answers with: a decision that can be rendered, counted and told."""

from typing import Any, Final, NamedTuple

from centrifugo_proxy.protocol import answers, codes
from fallback.admission import Notice as FallbackNotice


class DisconnectChanged(NamedTuple):
    """Somebody asked for a disconnect that Centrifugo would not carry out as it is."""

    code: int
    reason_bytes: int
    asked_by: str = "identity"


class MetaMissing(NamedTuple):
    """Centrifugo does not send `meta`: its option include_connection_meta is off. Once in a process's life."""


Notice = FallbackNotice | DisconnectChanged | MetaMissing
Notices = tuple[Notice, ...]

# How the session events can end, beside what every request can end with; a metric label.
SESSION_EVENT_OUTCOMES: Final = ("allowed", "denied", "too_large", "disconnect", "expired", "unavailable")
COMMON_OUTCOMES: Final = ("bad_request", "internal_error", "cancelled", "refused", "overloaded", "not_implemented")


class Decision(NamedTuple):
    """`outcome` is a metric label; `status` is that of response mode `http`.

    `fault` is the exception behind an internal error. `notices` are what an operator should hear.
    """

    outcome: str
    status: int
    answer: answers.Answer
    notices: Notices = ()
    fault: Exception | None = None


BAD_REQUEST: Final = Decision("bad_request", 400, answers.Error(codes.BAD_REQUEST, "bad request"))
REFUSED: Final = Decision("refused", 403, answers.Error(codes.PERMISSION_DENIED, "permission denied"))
OVERLOADED: Final = Decision(
    "overloaded", 503, answers.Error(codes.INTERNAL, "too many requests in flight", temporary=True)
)
NOT_IMPLEMENTED: Final = Decision("not_implemented", 501, answers.Error(codes.NOT_IMPLEMENTED, "not implemented"))


def internal_error(fault: Exception, notices: Notices = ()) -> Decision:
    """Something that should not happen did; the client is told nothing of it."""
    return Decision("internal_error", 500, answers.Error(codes.INTERNAL, "internal error"), notices, fault)


def allowed(fields: dict[str, Any], notices: Notices = ()) -> Decision:
    """Go on, with these fields of the event's result."""
    return Decision("allowed", 200, answers.Result(fields), notices)


def denied(code: int, message: str, notices: Notices = ()) -> Decision:
    """Refused for good: the client gets the error and its connection stays.

    Never without a message: Centrifugo leaves an empty one out, on which the Python SDK stumbles and tries for ever.
    """
    return Decision("denied", 200, answers.Error(code, message or "refused"), notices)


def too_large(limit: int, notices: Notices = ()) -> Decision:
    """More data than a rule lets through."""
    return Decision(
        "too_large", 200, answers.Error(codes.TOO_LARGE, f"data is larger than the limit of {limit} bytes"), notices
    )


def unavailable(status: int) -> Decision:
    """Somebody we must ask is down or slow: refused for now, the SDK tries again.

    With another status it is a failed call, for the events that Centrifugo lets go on after one.
    """
    answer = answers.Error(codes.BACKEND_UNAVAILABLE, "temporarily unavailable", temporary=True)
    return Decision("unavailable", status, answer)


def disconnected(code: int, reason: str, notices: Notices = ()) -> Decision:
    """Disconnected by a backend; a code that Centrifugo would not carry out becomes a reconnect."""
    passable = code in codes.DISCONNECT_CODES
    answer = answers.disconnect(code if passable else codes.RECONNECT, reason)
    if answer != (code, reason):
        notices = (*notices, DisconnectChanged(code, len(reason.encode()), "a backend"))
    return Decision("disconnect", 200, answer, notices)


def expired(notices: Notices = ()) -> Decision:
    """The connection, or the subscription, ends here."""
    return Decision("expired", 200, answers.Result({"expired": True}), notices)
