"""The identity service over gRPC: the implementations of `IdentityClient` and `RefreshClient`."""

from typing import Final

import grpc

from centrifugo_proxy.peers.backends import RefreshQuery
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.identity import (
    LONGEST_ID_BYTES,
    Identity,
    IdentityAnswer,
    IdentityDenied,
    IdentityDisconnect,
    IdentityError,
    IdentityFault,
    IdentityInterrupted,
    IdentityMalformed,
    IdentityUnavailable,
    ParentalState,
    ValidateQuery,
    normalized_expiry,
)
from centrifugo_proxy.peers.statuses import NO_ANSWER, Failed, Interrupted, NotFromService
from common.named_tuples import new_tuple
from proto.realtime.v1 import connect_proxy_pb2 as pb

SERVICE: Final = "realtime.v1.ConnectProxyService"
DENIED: Final = frozenset({
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
})  # fmt: skip
# A server that does not implement Refresh cannot renew a connection, so UNIMPLEMENTED counts as a refusal.
REFRESH_DENIED: Final = DENIED | {grpc.StatusCode.UNIMPLEMENTED}
TIERS: Final = {
    pb.SUBSCRIPTION_TIER_FREE: "free",
    pb.SUBSCRIPTION_TIER_PRO: "pro",
    pb.SUBSCRIPTION_TIER_FAMILY: "family",
}
# If both ids together have at most this many characters, no id is too long: UTF-8 needs up to four bytes a character.
CERTAINLY_SHORT: Final = LONGEST_ID_BYTES // 4


class GrpcIdentityClient:
    """`IdentityClient` over gRPC."""

    def __init__(self, peer: Peer) -> None:
        self._validate = peer.method(SERVICE, "Validate", pb.ValidateRequest, pb.ValidateResponse)

    async def validate(self, query: ValidateQuery) -> IdentityAnswer:
        """Redeems a ticket. Errors never quote the status details."""
        request = pb.ValidateRequest(
            ticket=query.ticket, client_id=query.client, transport=query.transport, protocol=query.protocol
        )
        try:
            response = await self._validate(request)
        except Failed as failed:
            return _denial(failed, DENIED)
        return _answer(response)


class GrpcRefreshClient:
    """`RefreshClient` over gRPC."""

    def __init__(self, peer: Peer) -> None:
        self._refresh = peer.method(SERVICE, "Refresh", pb.RefreshRequest, pb.ValidateResponse)

    async def refresh(self, query: RefreshQuery) -> IdentityAnswer:
        """Asks about a connection. Errors never quote the status details."""
        request = pb.RefreshRequest(user_id=query.user, client_id=query.client, family_id=query.family_id)
        try:
            response = await self._refresh(request)
        except Failed as failed:
            return _denial(failed, REFRESH_DENIED)
        return _answer(response)


def _denial(failed: Failed, denied: frozenset[grpc.StatusCode]) -> IdentityDenied:
    if failed.status in denied and not isinstance(failed, NotFromService):
        return IdentityDenied(failed.status.name)
    if failed.status in NO_ANSWER:
        raise IdentityUnavailable(failed.status.name) from None
    if isinstance(failed, Interrupted):
        raise IdentityInterrupted(failed.status.name) from None
    raise IdentityFault(f"the call to identity {failed}") from None


def _answer(response: pb.ValidateResponse) -> IdentityAnswer:
    match response.WhichOneof("outcome"):
        case "success":
            return _identity(response.success)
        case "disconnect":
            return IdentityDisconnect(response.disconnect.code, response.disconnect.reason)
        case "error":
            return IdentityError(response.error.code, response.error.message)
        case _:
            return IdentityMalformed("identity's answer has no outcome set")


def _identity(success: pb.Success) -> Identity | IdentityMalformed:
    user, family = success.user_id, success.family_id
    if not user:
        return IdentityMalformed("identity's Success has an empty user_id")
    if len(user) + len(family) > CERTAINLY_SHORT and (problem := _too_long(user, family)):
        return IdentityMalformed(problem)
    locks = success.parental_state
    parental = (locks.screen_time_lock, locks.feature_lock_chat, locks.feature_lock_diary, locks.feature_lock_flowcoach)
    fields = (
        user,
        family,
        TIERS.get(success.subscription_tier, "unspecified"),
        success.is_admin,
        new_tuple(ParentalState, parental),
        normalized_expiry(success.expire_at),
        success.degraded,
    )
    return new_tuple(Identity, fields)


def _too_long(user: str, family: str) -> str:
    """The problem if one of the ids is too long, otherwise ""."""
    for name, value in (("user_id", user), ("family_id", family)):
        if len(value.encode()) > LONGEST_ID_BYTES:
            return f"identity's Success has a {name} of more than {LONGEST_ID_BYTES} bytes"
    return ""
