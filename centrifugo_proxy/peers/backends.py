"""The services that the session events call: their requests, answers and interfaces, without gRPC."""

from typing import Final, NamedTuple, Protocol

from centrifugo_proxy.peers.identity import IdentityAnswer
from common.repetition import ClosedFault

# The services' names in metrics and log lines.
FAMILY_SERVICE: Final = "family_service"


def rpc_backend(name: str) -> str:
    """The name of an rpc backend in metrics and log lines. `name` is its name in RPC_BACKENDS."""
    return f"rpc:{name}"


class BackendUnavailable(Exception):
    """The service did not answer, the call was interrupted, or too many calls to the service are in flight.

    `status` is the name of the gRPC status: UNAVAILABLE or DEADLINE_EXCEEDED if there was no answer, CANCELLED or OK if
    the call was interrupted, UNAVAILABLE if the call was not made.
    """

    def __init__(self, service: str, status: str) -> None:
        super().__init__(f"{service}: {status}")
        self.service, self.status = service, status


class BackendFault(ClosedFault):
    """Another failure, such as an unusable answer. The message names the service, but never quotes its answer."""


class BackendError(NamedTuple):
    """The service refuses the command. `code` and `message` are for the client."""

    code: int
    message: str


class BackendDisconnect(NamedTuple):
    """The service wants the client to be disconnected."""

    code: int
    reason: str


class RefreshQuery(NamedTuple):
    """A live connection whose owner may have changed."""

    user: str
    client: str
    family_id: str


class RefreshClient(Protocol):
    """The part of the identity service that the refresh event uses."""

    async def refresh(self, query: RefreshQuery) -> IdentityAnswer:
        """Ask whether the connection may continue.

        The answer is IdentityDenied also if the server does not implement Refresh. Raises IdentityUnavailable,
        IdentityInterrupted, IdentityFault or ShareTaken.
        """


class AccessQuery(NamedTuple):
    """A request for permission: to publish if `publish` is true, otherwise to subscribe."""

    user: str
    family_id: str
    client: str
    channel: str
    publish: bool


class Grant(NamedTuple):
    """Permission until `expire_at`, in Unix seconds. `expire_at` is 0 if the family service sets no end."""

    expire_at: int


AccessAnswer = Grant | BackendError | BackendDisconnect


class FamilyService(Protocol):
    """The service that decides about a channel if the channel's rule has `ask_family_service`."""

    async def authorize(self, query: AccessQuery) -> AccessAnswer:
        """Answers one question. Raises BackendUnavailable, BackendFault or ShareTaken."""


class RpcCall(NamedTuple):
    """A client's call. `data` is the client's data without changes, JSON or binary."""

    method: str
    data: bytes
    user: str
    family_id: str
    client: str
    subscription_tier: str
    is_admin: bool


class RpcData(NamedTuple):
    """The backend's data for the client: JSON, or binary on a binary connection."""

    data: bytes


RpcAnswer = RpcData | BackendError | BackendDisconnect


class RpcBackend(Protocol):
    """One backend of RPC_BACKENDS."""

    async def call(self, call: RpcCall) -> RpcAnswer:
        """Answers one call. Raises BackendUnavailable, BackendFault or ShareTaken."""
