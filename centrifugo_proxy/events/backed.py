"""What an event answers when a service that it must ask fails: the same for all but connect, which has a fallback."""

from dataclasses import dataclass
from typing import Any

from centrifugo_proxy.backends import BackendFault, BackendUnavailable
from centrifugo_proxy.events.connect import Caller, Event
from centrifugo_proxy.events.decision import Decision, internal_error, unavailable
from centrifugo_proxy.identity import IdentityFault, IdentityUnavailable


@dataclass(frozen=True, slots=True)
class Backed:
    """`event`, whose services may fail. `unavailable_status` 200 refuses for now; 503 is a failed call."""

    event: Event
    unavailable_status: int = 200

    async def decide(self, request: Any, caller: Caller) -> Decision:
        """What the event decides; never an allowance when it could not ask."""
        try:
            return await self.event.decide(request, caller)
        except (BackendUnavailable, IdentityUnavailable):
            return unavailable(self.unavailable_status)
        except (BackendFault, IdentityFault) as fault:
            return internal_error(fault)
