"""The publish event: decides whether a connection may publish to a channel. Centrifugo publishes the data itself.

https://centrifugal.dev/docs/server/proxy#publish-proxy
"""

from dataclasses import dataclass
from typing import Any

from centrifugo_proxy.events.base import Caller
from centrifugo_proxy.events.channel_gate import ChannelGate, Denied, Granted
from centrifugo_proxy.events.decision import (
    Decision,
    allowed,
    denied,
    disconnected,
    too_large,
)
from centrifugo_proxy.peers.backends import FAMILY_SERVICE, BackendDisconnect
from centrifugo_proxy.policy.rules import Action
from centrifugo_proxy.protocol import codes
from centrifugo_proxy.protocol.session_events import EventRequest, readable_by_every_client


@dataclass(frozen=True, slots=True)
class Publish:
    """Allows or refuses a publication. It does not change the data."""

    gate: ChannelGate

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """Allow or refuse. Disconnect if the family service asks for it.

        Raises BadRequest and the errors of `ChannelGate.judge`.

        The data is checked last, so that a client without permission does not learn the limits.
        """
        judgement, notices = await self.gate.judge(request, Action.PUBLISH)
        match judgement:
            case Granted(rule, _):
                data, limit = request.payload(), rule.max_publish_bytes
                if limit is not None and len(data) > limit:
                    return too_large(limit, notices)
                if data and request.must_be_json and not readable_by_every_client(data):
                    return denied(codes.INVALID_DATA, "the data is not JSON that every client can read", notices)
                fields: dict[str, Any] = {"skip_history": True} if rule.skip_history else {}
                return allowed(fields, notices)
            case Denied(code, message, temporary):
                return denied(code, message, notices, temporary=temporary)
            case BackendDisconnect(code, reason):
                return disconnected(FAMILY_SERVICE, code, reason, notices)
