"""Plays the role of the app's backend. It issues tickets to clients, and fallback tickets in an outage.

docs/fallback.md describes such a backend.
"""

import asyncio
import re
from typing import Any, Final

from demo.identity import Condition, MemoryIdentity

# The backend waits this long for identity.
PATIENCE_S: Final = 1.0
USER: Final = re.compile(r"[a-z]{1,20}(-[0-9]{1,6})?")


class UnknownUserError(Exception):
    """The page has asked for a ticket for a user whose name is not allowed."""


class TicketDesk:
    """Issues tickets of identity. In an outage it issues `spare_tickets`, each of them once, the last ticket first."""

    def __init__(self, identity: MemoryIdentity, spare_tickets: list[str]) -> None:
        self._identity, self._spare_tickets = identity, list(spare_tickets)

    async def ticket(self, user: str, *, has_spare: bool) -> dict[str, Any]:
        """The body of the answer to the page.

        In an outage, `ticket` is None if the client already has a fallback ticket, or if no fallback tickets are left.
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
