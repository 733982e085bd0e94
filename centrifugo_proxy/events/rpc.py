"""The rpc event: passes a client's call to the backend of the rule that matches its method.

https://centrifugal.dev/docs/server/proxy#rpc-proxy
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from centrifugo_proxy.events.base import Caller
from centrifugo_proxy.events.decision import (
    Decision,
    Notices,
    allowed,
    denied,
    disconnected,
    internal_error,
    too_large,
)
from centrifugo_proxy.events.owners import Owners
from centrifugo_proxy.peers.backends import (
    BackendDisconnect,
    BackendError,
    BackendFault,
    RpcAnswer,
    RpcBackend,
    RpcCall,
    RpcData,
    rpc_backend,
)
from centrifugo_proxy.policy.rules import Policy, Reason
from centrifugo_proxy.protocol import codes
from centrifugo_proxy.protocol.session_events import EventRequest, data_fields


@dataclass(frozen=True, slots=True)
class Rpc:
    """`backends` has the client of each backend, by the backend's name in the rules of the policy."""

    policy: Policy
    owners: Owners
    backends: Mapping[str, RpcBackend]

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """The backend's answer, or a refusal. Raises BadRequest, ShareTaken, and the errors of `RpcBackend`.

        If the data of the answer is not valid (see `data_fields`), the decision is an internal error.
        """
        owner, notices = self.owners.of(request)
        rule, reason = self.policy.judge_rpc(owner, request.method)
        if reason is Reason.NO_RULE:
            return denied(codes.METHOD_NOT_FOUND, codes.METHOD_NOT_FOUND_MESSAGE, notices)
        if owner is None or rule is None or reason is not None:
            return denied(codes.FORBIDDEN, reason or Reason.NO_META, notices, temporary=reason is Reason.DEGRADED)
        data = request.payload()
        if rule.max_request_bytes is not None and len(data) > rule.max_request_bytes:
            return too_large(rule.max_request_bytes, notices)
        call = RpcCall(
            request.method,
            data,
            owner.user,
            owner.family_id,
            request.client,
            owner.subscription_tier,
            owner.is_admin,
        )
        answer = await self.backends[rule.backend].call(call)
        return _translate(answer, notices, request, rpc_backend(rule.backend))


def _translate(answer: RpcAnswer, notices: Notices, request: EventRequest, service: str) -> Decision:
    match answer:
        case RpcData(data):
            try:
                fields: dict[str, Any] = data_fields(data, request)
            except ValueError:
                return internal_error(
                    BackendFault(f"the data of {service} is not JSON that every client can read"), notices
                )
            return allowed(fields, notices)
        case BackendError(code, message):
            known = code in codes.APPLICATION_ERROR_CODES
            return denied(code if known else codes.BACKEND_FAILED, message, notices)
        case BackendDisconnect(code, reason):
            return disconnected(service, code, reason, notices)
