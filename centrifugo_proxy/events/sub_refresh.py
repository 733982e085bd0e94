"""The sub_refresh event: decides whether a subscription may go on, by the rules of subscribe.

For Centrifugo an answer without `result` ends the subscription, and a failed call prolongs it by a minute:
https://centrifugal.dev/docs/server/proxy#sub-refresh-proxy
"""

from dataclasses import dataclass

from centrifugo_proxy.events.base import Caller, Clock
from centrifugo_proxy.events.channel_gate import ChannelGate, Granted
from centrifugo_proxy.events.decision import Decision, allowed, expired
from centrifugo_proxy.events.subscribe import expiring
from centrifugo_proxy.policy.rules import Action
from centrifugo_proxy.protocol.session_events import EventRequest


@dataclass(frozen=True, slots=True)
class SubRefresh:
    """Answers with a result or fails; never with an error or a disconnect."""

    gate: ChannelGate
    clock: Clock
    ttl_s: int

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """A new end of the subscription, or its expiry."""
        judgement, notices = await self.gate.judge(request, Action.SUBSCRIBE)
        if isinstance(judgement, Granted):
            return allowed(expiring(judgement.expire_at, self.clock.time(), self.ttl_s), notices)
        return expired(notices)
