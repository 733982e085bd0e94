"""The sub_refresh event: decides whether a subscription may continue, by the rules for subscribe.

An answer without `result` ends the subscription. After a failed call, Centrifugo keeps it for another minute:
https://centrifugal.dev/docs/server/proxy#sub-refresh-proxy
"""

from dataclasses import dataclass

from centrifugo_proxy.events.base import Caller, Clock
from centrifugo_proxy.events.channel_gate import ChannelGate, Granted
from centrifugo_proxy.events.decision import Decision, expired
from centrifugo_proxy.events.subscribe import allowed_until
from centrifugo_proxy.policy.rules import Action
from centrifugo_proxy.protocol.session_events import EventRequest


@dataclass(frozen=True, slots=True)
class SubRefresh:
    """Each answer with the status 200 is a result, never an error or a disconnect."""

    gate: ChannelGate
    clock: Clock
    ttl_s: int

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """Extend the subscription, or let it expire."""
        judgement, notices = await self.gate.judge(request, Action.SUBSCRIBE)
        if isinstance(judgement, Granted):
            return allowed_until(judgement.expire_at, self.clock.time(), self.ttl_s, notices)
        return expired(notices)
