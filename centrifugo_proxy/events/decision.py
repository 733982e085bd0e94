"""What every event answers with: a decision that can be rendered, counted and told."""

from typing import NamedTuple

from centrifugo_proxy import codes, wire
from fallback.admission import Notice


class DisconnectChanged(NamedTuple):
    """Identity asked for a disconnect that Centrifugo would not carry out as it is."""

    code: int
    reason_bytes: int


class Decision(NamedTuple):
    """`outcome` is a metric label; `status` is that of response mode `http`.

    `fault` is the exception behind an internal error. `notices` are what an operator should hear.
    """

    outcome: str
    status: int
    answer: wire.Answer
    notices: tuple[Notice | DisconnectChanged, ...] = ()
    fault: Exception | None = None


BAD_REQUEST = Decision("bad_request", 400, wire.Error(codes.BAD_REQUEST, "bad request"))
REFUSED = Decision("refused", 403, wire.Error(codes.PERMISSION_DENIED, "permission denied"))
OVERLOADED = Decision("overloaded", 503, wire.Error(codes.INTERNAL, "too many requests in flight", temporary=True))
NOT_IMPLEMENTED = Decision("not_implemented", 501, wire.Error(codes.NOT_IMPLEMENTED, "not implemented"))


def internal_error(fault: Exception, notices: tuple[Notice, ...] = ()) -> Decision:
    """Something that should not happen did; the client is told nothing of it."""
    return Decision("internal_error", 500, wire.Error(codes.INTERNAL, "internal error"), notices, fault)
