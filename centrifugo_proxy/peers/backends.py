"""The services that the session events call: requests, answers and interfaces, without gRPC."""

from typing import Final, NamedTuple, Protocol

from centrifugo_proxy.peers.identity import IdentityAnswer
from common.repetition import ClosedFault

# The services' names in metrics and log lines.
FAMILY_SERVICE: Final = "family_service"


def rpc_backend(name: str) -> str:
    """The name of an rpc backend in metrics and log lines; `name` is a name of RPC_BACKENDS."""
    return f"rpc:{name}"


class BackendUnavailable(Exception):
    """The service did not answer (UNAVAILABLE, DEADLINE_EXCEEDED), the call was interrupted (CANCELLED, or OK without a
    message), or too many calls to the service are in flight. `status` is the name of a gRPC status.
    """

    def __init__(self, service: str, status: str) -> None:
        super().__init__(f"{service}: {status}")
        self.service, self.status = service, status


class BackendFault(ClosedFault):
    """Another failure, such as an unusable answer. The message names the service and never quotes it."""


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
        """Ask whether the connection may continue. The answer is also IdentityDenied if the server does not implement
        Refresh. Raises IdentityUnavailable, IdentityInterrupted, IdentityFault or ShareTaken.
        """


class AccessQuery(NamedTuple):
    """A subscription, or with `publish` a publication, that needs permission."""

    user: str
    family_id: str
    client: str
    channel: str
    publish: bool


class Grant(NamedTuple):
    """Permission until `expire_at` (Unix seconds; 0: the family service sets no end)."""

    expire_at: int


AccessAnswer = Grant | BackendError | BackendDisconnect


class FamilyService(Protocol):
    """The service that decides about channels whose rule has `ask_family_service`."""

    async def authorize(self, query: AccessQuery) -> AccessAnswer:
        """Answers one question. Raises BackendUnavailable, BackendFault or ShareTaken."""


class RpcCall(NamedTuple):
    """A client's call. `data` is what the client sent, JSON or binary, unchanged."""

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
