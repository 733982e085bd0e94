"""What we ask the identity service and what it says, without gRPC."""

from typing import Final, Literal, NamedTuple, Protocol, get_args

Tier = Literal["unspecified", "free", "pro", "family"]
TIERS: Final[tuple[str, ...]] = get_args(Tier)
# A longer id is a fault: it would travel in every presence, join and publication of its connection.
LONGEST_ID_BYTES: Final = 1024


class ValidateQuery(NamedTuple):
    """A ticket to redeem, and Centrifugo's facts about the connection it came on."""

    ticket: str
    client: str
    transport: str
    protocol: str


class ParentalState(NamedTuple):
    """Locks that a parent has set."""

    screen_time_lock: bool = False
    feature_lock_chat: bool = False
    feature_lock_diary: bool = False
    feature_lock_flowcoach: bool = False


class Identity(NamedTuple):
    """Who the ticket belongs to. `expire_at` is Unix seconds, 0 = never."""

    user: str
    family_id: str
    subscription_tier: str
    is_admin: bool
    parental_state: ParentalState
    expire_at: int
    degraded: bool = False


class IdentityDisconnect(NamedTuple):
    """Identity wants the client disconnected with this code and reason."""

    code: int
    reason: str


class IdentityError(NamedTuple):
    """Identity answered that it could not tell; never shown to a client."""

    code: int
    message: str


class IdentityDenied(NamedTuple):
    """An answer by status: NOT_FOUND, INVALID_ARGUMENT, UNAUTHENTICATED or PERMISSION_DENIED."""

    status: str


class IdentityMalformed(NamedTuple):
    """An answer that cannot be used: no branch set, an empty user, or an id that is too long."""

    problem: str


IdentityAnswer = Identity | IdentityDisconnect | IdentityError | IdentityDenied | IdentityMalformed


class IdentityUnavailable(Exception):
    """No answer: UNAVAILABLE or DEADLINE_EXCEEDED."""


class IdentityInterrupted(Exception):
    """A passing fault: the call ended in CANCELLED, or in OK without a message.

    Neither an answer nor a failure for the outage detector. The ticket may have been spent.
    """


class IdentityFault(Exception):
    """Neither a proper answer nor an outage. The message says what identity did, never what it wrote."""


def normalized_expiry(expire_at: int) -> int:
    """Unix seconds, 0 = never. A time before 1970 has passed, though Centrifugo would take it for never."""
    return max(expire_at, 1) if expire_at else 0


class IdentityClient(Protocol):
    """The identity service, as the connect event sees it."""

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        """Redeem the ticket, once.

        Raises IdentityUnavailable, IdentityInterrupted or IdentityFault.
        """
