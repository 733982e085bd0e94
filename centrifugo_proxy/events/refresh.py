"""The refresh event: may this connection go on, and is its owner still described as before.

Centrifugo takes an answer without `result` as the end of the connection, and a failed call as a minute more:
https://centrifugal.dev/docs/server/proxy#refresh-proxy
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from centrifugo_proxy.events.base import Caller, Clock
from centrifugo_proxy.events.decision import Decision, Notices, allowed, expired, internal_error, unavailable
from centrifugo_proxy.events.description import describe, public_info
from centrifugo_proxy.events.owners import Owners
from centrifugo_proxy.peers.backends import RefreshClient, RefreshQuery
from centrifugo_proxy.peers.identity import (
    Identity,
    IdentityAnswer,
    IdentityDenied,
    IdentityError,
    IdentityFault,
    IdentityMalformed,
)
from centrifugo_proxy.protocol.session_events import EventRequest
from fallback.outage import OutageDetector

# Centrifugo ends a connection that is refreshed without a new end, and version 5 refreshes without pause when the
# end is so far away that its clock overflows (as milliseconds in place of seconds are): this is far enough.
FURTHEST_END_S: Final = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Refresh:
    """Only ever a result, or a failed call."""

    identity: RefreshClient
    owners: Owners
    clock: Clock
    info_fields: frozenset[str]
    detector: OutageDetector

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """What identity says; a connection from the fallback pool ends, to come back with its real owner."""
        owner, notices = self.owners.of(request)
        if owner is None or owner.from_pool:
            return expired(notices)
        call = self.detector.call_started()
        answer = await self.identity.refresh(RefreshQuery(owner.user, request.client, owner.family_id))
        notices = self._answered(call, answer)
        match answer:
            case Identity(user=user) if user == owner.user:
                return allowed(self._renewed(answer, bytes(request.meta)), notices)
            case IdentityError():
                return unavailable(503, notices)
            case IdentityMalformed(problem):
                return internal_error(IdentityFault(problem), notices)
            case _:
                return expired(notices)

    def _answered(self, call: int, answer: IdentityAnswer) -> Notices:
        """Any answer ends a streak of failures, but a method that is not implemented is none."""
        if answer == IdentityDenied("UNIMPLEMENTED"):
            return ()
        ended = self.detector.answered(call, self.clock.monotonic())
        return (ended,) if ended else ()

    def _renewed(self, identity: Identity, known: bytes) -> dict[str, Any]:
        """A new end, and the description where it is no longer the one that Centrifugo has."""
        furthest = int(self.clock.time()) + FURTHEST_END_S
        fields: dict[str, Any] = {"expire_at": min(identity.expire_at or furthest, furthest)}
        meta = describe(identity)
        if not _says(known, meta):
            fields |= {"info": public_info(meta, self.info_fields), "meta": meta}
        return fields


def _says(known: bytes, meta: dict[str, Any]) -> bool:
    """Whether this JSON says what `meta` does; Centrifugo sends back what it was given, mostly to the letter."""
    if known == orjson.dumps(meta):
        return True
    try:
        same: bool = orjson.loads(known) == meta
    except orjson.JSONDecodeError:  # something in an unknown field that only Go accepts
        return False
    return same
