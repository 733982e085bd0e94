"""The identity service: questions, answers and interface, without gRPC."""

from typing import Final, Literal, NamedTuple, Protocol, get_args

Tier = Literal["unspecified", "free", "pro", "family"]
TIERS: Final[tuple[str, ...]] = get_args(Tier)
# A longer id is a fault: it would travel in every presence, join and publication of its connection.
LONGEST_ID_BYTES: Final = 1024


class ValidateQuery(NamedTuple):
    """A ticket to redeem, with Centrifugo's description of the connection."""

    ticket: str
    client: str
    transport: str
    protocol: str


class ParentalState(NamedTuple):
    """The locks that a parent has turned on."""

    screen_time_lock: bool = False
    feature_lock_chat: bool = False
    feature_lock_diary: bool = False
    feature_lock_flowcoach: bool = False


class Identity(NamedTuple):
    """The owner of a ticket. `expire_at` is in Unix seconds; 0 means never."""

    user: str
    family_id: str
    subscription_tier: str
    is_admin: bool
    parental_state: ParentalState
    expire_at: int
    degraded: bool = False


class IdentityDisconnect(NamedTuple):
    """Identity wants the client to be disconnected, with this code and reason."""

    code: int
    reason: str


class IdentityError(NamedTuple):
    """Identity could not decide. Its message is never shown to a client."""

    code: int
    message: str


class IdentityDenied(NamedTuple):
    """Identity refused with a status: NOT_FOUND, INVALID_ARGUMENT, UNAUTHENTICATED or PERMISSION_DENIED."""

    status: str


class IdentityMalformed(NamedTuple):
    """An answer that cannot be used: no branch set, an empty user, or an id that is too long."""

    problem: str


IdentityAnswer = Identity | IdentityDisconnect | IdentityError | IdentityDenied | IdentityMalformed


class IdentityUnavailable(Exception):
    """Identity did not answer: UNAVAILABLE or DEADLINE_EXCEEDED."""


class IdentityInterrupted(Exception):
    """A passing fault: the call ended in CANCELLED, or in OK without a message.

    Neither an answer nor a failure for the outage detector. The ticket may have been spent.
    """


class IdentityFault(Exception):
    """Identity did something unexpected. The message says what, and has no text of identity."""


def normalized_expiry(expire_at: int) -> int:
    """Unix seconds, 0 for never. Centrifugo takes a negative time for never; here it becomes 1, which has passed."""
    return max(expire_at, 1) if expire_at else 0


class IdentityClient(Protocol):
    """The part of the identity service that the connect event uses."""

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        """Redeem the ticket, once.

        Raises IdentityUnavailable, IdentityInterrupted or IdentityFault.
        """
