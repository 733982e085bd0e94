"""The app's backend: issues a ticket to each client, or a fallback ticket in an outage (docs/fallback.md)."""

import asyncio
import re
from typing import Any, Final

from demo.identity import Condition, MemoryIdentity

# How long the backend waits for identity.
PATIENCE_S: Final = 1.0
USER: Final = re.compile(r"[a-z]{1,20}(-[0-9]{1,6})?")


class UnknownUserError(Exception):
    """The page requested a ticket for a user whose name is not accepted."""


class TicketDesk:
    """Issues identity's tickets, and each of `spare_tickets` once, the last one first."""

    def __init__(self, identity: MemoryIdentity, spare_tickets: list[str]) -> None:
        self._identity, self._spare_tickets = identity, list(spare_tickets)

    async def ticket(self, user: str, *, has_spare: bool) -> dict[str, Any]:
        """The body of the answer. In an outage `ticket` is None if the client has a fallback ticket, or none is left.

        Raises UnknownUserError.
        """
        if not USER.fullmatch(user):
            raise UnknownUserError
        if await self._answers():
            return {"ticket": self._identity.mint(user), "fallback": False}
        ticket = self._spare_tickets.pop() if self._spare_tickets and not has_spare else None
        return {"ticket": ticket, "fallback": True}

    async def _answers(self) -> bool:
        if self._identity.condition is Condition.HANGING:
            await asyncio.sleep(PATIENCE_S)
        return self._identity.condition is Condition.UP
