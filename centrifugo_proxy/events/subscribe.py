"""The subscribe event: decides whether a connection may subscribe to a channel.

https://centrifugal.dev/docs/server/proxy#subscribe-proxy
"""

import math
from dataclasses import dataclass

from centrifugo_proxy.events.base import Caller, Clock
from centrifugo_proxy.events.channel_gate import ChannelGate, Denied, Granted
from centrifugo_proxy.events.decision import Decision, Notices, allowed, denied, disconnected
from centrifugo_proxy.events.expiry import bounded
from centrifugo_proxy.peers.backends import FAMILY_SERVICE, BackendDisconnect
from centrifugo_proxy.policy.rules import Action
from centrifugo_proxy.protocol.session_events import EventRequest


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Allows or refuses a subscription.

    An allowed subscription expires after `ttl_s` seconds (0 = no limit), or earlier if the family service sets an
    earlier end. Then sub_refresh decides again.
    """

    gate: ChannelGate
    clock: Clock
    ttl_s: int

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """Allow, with an expiry if there is one, or refuse. Disconnect if the family service asks for it."""
        judgement, notices = await self.gate.judge(request, Action.SUBSCRIBE)
        match judgement:
            case Granted(_, expire_at):
                return allowed_until(expire_at, self.clock.time(), self.ttl_s, notices)
            case Denied(code, message, temporary):
                return denied(code, message, notices, temporary=temporary)
            case BackendDisconnect(code, reason):
                return disconnected(FAMILY_SERVICE, code, reason, notices)


def allowed_until(expire_at: int, now: float, ttl_s: int, notices: Notices) -> Decision:
    """Allowed until the earlier of two times: the family service's `expire_at`, and `now` + `ttl_s`. 0 sets no end.

    `now` is rounded up, because Centrifugo permanently refuses a subscription that has expired when the answer arrives.
    """
    expire_at, cut = bounded(expire_at, now, "family_service")
    if ttl_s:
        ours = math.ceil(now) + ttl_s
        expire_at = min(expire_at, ours) if expire_at else ours
    return allowed({"expire_at": expire_at} if expire_at else {}, notices + cut)
