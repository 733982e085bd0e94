"""The identity service: its requests, answers and interface, without gRPC."""

from typing import Final, Literal, NamedTuple, Protocol, get_args

from common.repetition import ClosedFault

Tier = Literal["unspecified", "free", "pro", "family"]
TIERS: Final[tuple[str, ...]] = get_args(Tier)
# A longer id is a fault, because every presence, join and publication of the connection would contain it.
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
    """The owner of a ticket or a connection. `expire_at` is in Unix seconds. 0 means never."""

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
    """Identity refused with a gRPC status: NOT_FOUND, INVALID_ARGUMENT, UNAUTHENTICATED or PERMISSION_DENIED.

    For a refresh, the status can also be UNIMPLEMENTED.
    """

    status: str


class IdentityMalformed(NamedTuple):
    """An unusable answer: no branch set, an empty user, or an id that is too long."""

    problem: str


IdentityAnswer = Identity | IdentityDisconnect | IdentityError | IdentityDenied | IdentityMalformed


class IdentityUnavailable(Exception):
    """Identity did not answer: UNAVAILABLE or DEADLINE_EXCEEDED."""


class IdentityInterrupted(Exception):
    """A transient fault: the call ended in CANCELLED, or in OK without a message.

    The outage detector counts it neither as an answer nor as a failure. The ticket may have been spent.
    """


class IdentityFault(ClosedFault):
    """Another failure, such as an unusable answer. The message describes it and never quotes identity."""


def normalized_expiry(expire_at: int) -> int:
    """An expiry in Unix seconds. 0 means never. Centrifugo reads a negative time as never, so it becomes 1 (past)."""
    return max(expire_at, 1) if expire_at else 0


class IdentityClient(Protocol):
    """The part of the identity service that the connect event uses."""

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        """Redeem the ticket. The call is made only once.

        Raises IdentityUnavailable, IdentityInterrupted or IdentityFault.
        """
