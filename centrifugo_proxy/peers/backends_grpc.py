"""The family service and the rpc backends over gRPC. Errors never quote the details of a status."""

from typing import Final

import grpc

from centrifugo_proxy.peers.backends import (
    FAMILY_SERVICE,
    AccessAnswer,
    AccessQuery,
    BackendDisconnect,
    BackendError,
    BackendFault,
    BackendUnavailable,
    Grant,
    RpcAnswer,
    RpcCall,
    RpcData,
    rpc_backend,
)
from centrifugo_proxy.peers.grpc_call import Peer
from centrifugo_proxy.peers.identity import TIERS, normalized_expiry
from centrifugo_proxy.peers.statuses import NO_ANSWER, Failed, Interrupted, NotFromService
from centrifugo_proxy.protocol.codes import FORBIDDEN, METHOD_NOT_FOUND
from proto.realtime.v1 import channel_access_pb2, rpc_backend_pb2

ACCESS_SERVICE: Final = "realtime.v1.ChannelAccessService"
RPC_SERVICE: Final = "realtime.v1.RpcBackendService"
# In characters. A longer message for a client is shortened to this length.
LONGEST_MESSAGE: Final = 1024
# The statuses that count as answers, and the error that the client gets for each of them.
REFUSALS: Final = {
    grpc.StatusCode.PERMISSION_DENIED: BackendError(FORBIDDEN, "not allowed"),
    grpc.StatusCode.UNAUTHENTICATED: BackendError(FORBIDDEN, "not allowed"),
    grpc.StatusCode.NOT_FOUND: BackendError(METHOD_NOT_FOUND, "not found"),
    grpc.StatusCode.INVALID_ARGUMENT: BackendError(400, "invalid argument"),
}
PB_TIERS: Final = {name: f"SUBSCRIPTION_TIER_{name.upper()}" for name in TIERS}


class GrpcFamilyService:
    """`FamilyService` over gRPC."""

    def __init__(self, peer: Peer) -> None:
        pb = channel_access_pb2
        self._authorize = peer.method(ACCESS_SERVICE, "Authorize", pb.AuthorizeRequest, pb.AuthorizeResponse)

    async def authorize(self, query: AccessQuery) -> AccessAnswer:
        pb = channel_access_pb2
        request = pb.AuthorizeRequest(
            user_id=query.user,
            family_id=query.family_id,
            client_id=query.client,
            channel=query.channel,
            action=pb.CHANNEL_ACTION_PUBLISH if query.publish else pb.CHANNEL_ACTION_SUBSCRIBE,
        )
        try:
            response = await self._authorize(request)
        except Failed as failed:
            return _refusal(failed, FAMILY_SERVICE)
        match response.WhichOneof("outcome"):
            case "grant":
                return Grant(normalized_expiry(response.grant.expire_at))
            case "denial":
                return BackendError(response.denial.code, response.denial.message[:LONGEST_MESSAGE])
            case "disconnect":
                return BackendDisconnect(response.disconnect.code, response.disconnect.reason)
            case _:
                raise BackendFault(f"the answer of {FAMILY_SERVICE} has no outcome set")


class GrpcRpcBackend:
    """`RpcBackend` over gRPC, on a channel of its own. `peer.name` is the backend's name in RPC_BACKENDS."""

    def __init__(self, peer: Peer) -> None:
        self._service = rpc_backend(peer.name)
        self._call = peer.method(RPC_SERVICE, "Call", rpc_backend_pb2.CallRequest, rpc_backend_pb2.CallResponse)

    async def call(self, call: RpcCall) -> RpcAnswer:
        request = rpc_backend_pb2.CallRequest(
            method=call.method,
            data=call.data,
            user_id=call.user,
            family_id=call.family_id,
            client_id=call.client,
            subscription_tier=PB_TIERS[call.subscription_tier],
            is_admin=call.is_admin,
        )
        try:
            response = await self._call(request)
        except Failed as failed:
            return _refusal(failed, self._service)
        match response.WhichOneof("outcome"):
            case "data":
                return RpcData(response.data)
            case "error":
                return BackendError(response.error.code, response.error.message[:LONGEST_MESSAGE])
            case "disconnect":
                return BackendDisconnect(response.disconnect.code, response.disconnect.reason)
            case _:
                raise BackendFault(f"the answer of {self._service} has no outcome set")


def _refusal(failed: Failed, service: str) -> BackendError:
    if failed.status in NO_ANSWER or isinstance(failed, Interrupted):
        raise BackendUnavailable(service, failed.status.name) from None
    refusal = REFUSALS.get(failed.status)
    if refusal is None or isinstance(failed, NotFromService):
        raise BackendFault(f"the call to {service} {failed}") from None
    return refusal
