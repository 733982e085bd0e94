"""Single-use tickets that an identity service issues and redeems."""

import secrets
from typing import Any

import grpc

from centrifugo_proxy.peers.probe import TICKET_PREFIX
from proto.realtime.v1 import connect_proxy_pb2 as pb
from tests.harness.grpc_stub import Context
from tests.harness.identity import IdentityStub, Script, success


class TicketOffice:
    """Issues tickets, and makes an identity stub redeem each of them once."""

    def __init__(self, identity: IdentityStub) -> None:
        self._identity = identity
        self._issued: dict[str, Script] = {}
        self._known: set[str] = set()
        identity.script = self._redeem

    def issue(self, user: str = "u-1", **fields: Any) -> str:
        """A new ticket for this user."""
        return self.issue_for(success(user_id=user, **fields))

    def issue_for(self, script: Script) -> str:
        """A new ticket that identity answers with `script`."""
        ticket = secrets.token_urlsafe(24)
        self._issued[ticket] = script
        self._known.add(ticket)
        return ticket

    def asked(self, *tickets: str) -> int:
        """The number of Validate calls for these tickets."""
        return sum(call.ticket in tickets for call in self._identity.calls)

    def asked_about_others(self) -> int:
        """The number of Validate calls for tickets that were never issued. Probes do not count."""
        tickets = [call.ticket for call in self._identity.calls]
        return sum(not (ticket in self._known or ticket.startswith(TICKET_PREFIX)) for ticket in tickets)

    async def _redeem(self, request: pb.ValidateRequest, context: Context) -> pb.ValidateResponse:
        script = self._issued.pop(request.ticket, None)
        if script is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such ticket")
            raise AssertionError("abort does not return")
        return await script(request, context)
