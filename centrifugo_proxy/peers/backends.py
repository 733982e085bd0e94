"""What the session events ask other services, without gRPC."""

from typing import NamedTuple, Protocol

from centrifugo_proxy.peers.identity import IdentityAnswer


class BackendUnavailable(Exception):
    """No answer: UNAVAILABLE or DEADLINE_EXCEEDED, or too many calls wait for one already."""


class BackendFault(Exception):
    """An answer that is none. The message says what the service did, never what it wrote."""


class BackendError(NamedTuple):
    """The service refuses the command, with a code and a message for the client."""

    code: int
    message: str


class BackendDisconnect(NamedTuple):
    """The service wants the client disconnected."""

    code: int
    reason: str


class RefreshQuery(NamedTuple):
    """A live connection."""

    user: str
    client: str
    family_id: str


class RefreshClient(Protocol):
    """The identity service, as the refresh event sees it."""

    async def refresh(self, query: RefreshQuery) -> IdentityAnswer:
        """Whether the connection may go on; IdentityDenied too where the method is not implemented.

        Raises IdentityUnavailable, IdentityInterrupted or IdentityFault.
        """


class AccessQuery(NamedTuple):
    """A subscription or a publication to be allowed. `publish` tells which."""

    user: str
    family_id: str
    client: str
    channel: str
    publish: bool


class Grant(NamedTuple):
    """Allowed until `expire_at`, Unix seconds; 0 = for as long as the connection."""

    expire_at: int


AccessAnswer = Grant | BackendError | BackendDisconnect


class FamilyService(Protocol):
    """The family service, as channel rules with `ask_family_service` see it."""

    async def authorize(self, query: AccessQuery) -> AccessAnswer:
        """Its answer. Raises BackendUnavailable or BackendFault."""


class RpcCall(NamedTuple):
    """A client's call. `data` is what it sent, byte for byte."""

    method: str
    data: bytes
    user: str
    family_id: str
    client: str
    subscription_tier: str
    is_admin: bool


class RpcData(NamedTuple):
    """JSON for the client."""

    data: bytes


RpcAnswer = RpcData | BackendError | BackendDisconnect


class RpcBackend(Protocol):
    """One backend of RPC_BACKENDS."""

    async def call(self, call: RpcCall) -> RpcAnswer:
        """Its answer. Raises BackendUnavailable or BackendFault."""
