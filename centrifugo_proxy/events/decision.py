"""The decision about a request, which is then rendered, counted and logged."""

from typing import Any, Final, NamedTuple

from centrifugo_proxy.protocol import answers, codes
from fallback.admission import Notice as FallbackNotice


class DisconnectChanged(NamedTuple):
    """Identity or a backend asked for a disconnect that Centrifugo cannot carry out unchanged."""

    code: int
    reason_bytes: int
    requested_by: str = "identity"


class ExpiryCut(NamedTuple):
    """A service set an expiry that is too far ahead, so it was shortened. `expire_at` is the value from the service."""

    service: str
    expire_at: int


class MetaMissing(NamedTuple):
    """Centrifugo did not send `meta`, usually because include_connection_meta is off. Reported once per process."""


class CallFailed(NamedTuple):
    """A call to a service got no answer, or was not made because RPC_MAX_INFLIGHT calls were in flight.

    `status` is the name of the gRPC status. It is UNAVAILABLE for a call that was not made.
    """

    service: str
    status: str


class TicketMissing(NamedTuple):
    """A connect request had no usable `data.token`. `problem` describes what the client sent, without values."""

    problem: str


class GuardRefused(NamedTuple):
    """The guard refused a request. `reason` is one of `guard.REASONS`."""

    reason: str


Notice = FallbackNotice | DisconnectChanged | ExpiryCut | MetaMissing | CallFailed | TicketMissing | GuardRefused
Notices = tuple[Notice, ...]

# The outcomes of session events, which are values of a metric label. Every event also has the COMMON_OUTCOMES.
SESSION_EVENT_OUTCOMES: Final = ("allowed", "denied", "too_large", "disconnect", "expired", "unavailable")
COMMON_OUTCOMES: Final = ("bad_request", "internal_error", "cancelled", "refused", "overloaded", "not_implemented")


class Decision(NamedTuple):
    """`outcome` is the value of a metric label. `status` is the HTTP status in response mode `http`.

    `fault` is the exception that caused an internal error. `notices` are for operators.
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
    """A bug, or an invalid answer of a service. The client does not learn the cause."""
    return Decision("internal_error", 500, answers.Error(codes.INTERNAL, "internal error"), notices, fault)


def allowed(fields: dict[str, Any], notices: Notices = ()) -> Decision:
    """Allowed, with these fields in the event's result."""
    return Decision("allowed", 200, answers.Result(fields), notices)


def denied(code: int, message: str, notices: Notices = (), *, temporary: bool = False) -> Decision:
    """Refused: the client gets the error, and its connection stays open.

    After a temporary error, SDKs subscribe again, but they do not repeat a publication or an rpc.
    The message is never empty: Centrifugo omits an empty message, and the Python SDK then retries forever.
    """
    return Decision("denied", 200, answers.Error(code, message or "refused", temporary), notices)


def too_large(limit: int, notices: Notices = ()) -> Decision:
    """The data is larger than the rule allows."""
    return Decision(
        "too_large", 200, answers.Error(codes.TOO_LARGE, f"data is larger than the limit of {limit} bytes"), notices
    )


def unavailable(status: int, notices: Notices = ()) -> Decision:
    """A required service is down or slow, so the request is refused with a temporary error (see `denied`).

    With `status` 200, only the client's command fails. With 503, Centrifugo's call fails, and Centrifugo keeps the
    connection or the subscription for another minute.
    """
    answer = answers.Error(codes.BACKEND_UNAVAILABLE, "temporarily unavailable", temporary=True)
    return Decision("unavailable", status, answer, notices)


def disconnected(service: str, code: int, reason: str, notices: Notices = ()) -> Decision:
    """Disconnected, because `service` asks for it. A code outside Centrifugo's range becomes 4000 (reconnect)."""
    passable = code in codes.DISCONNECT_CODES
    answer = answers.disconnect(code if passable else codes.RECONNECT, reason)
    if answer != (code, reason):
        notices = (*notices, DisconnectChanged(code, len(reason.encode()), service))
    return Decision("disconnect", 200, answer, notices)


def expired(notices: Notices = ()) -> Decision:
    """Ends the connection or the subscription."""
    return Decision("expired", 200, answers.Result({"expired": True}), notices)
