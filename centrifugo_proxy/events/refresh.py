"""The refresh event: decides whether a connection may continue, and updates its owner's description.

An answer without `result` ends the connection. After a failed call, Centrifugo keeps it for another minute:
https://centrifugal.dev/docs/server/proxy#refresh-proxy
"""

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from centrifugo_proxy.events.base import Caller, Clock
from centrifugo_proxy.events.decision import Decision, Notices, allowed, expired, internal_error, unavailable
from centrifugo_proxy.events.description import describe, public_info
from centrifugo_proxy.events.expiry import bounded, furthest_end
from centrifugo_proxy.events.owners import Owners
from centrifugo_proxy.peers.backends import RefreshClient, RefreshQuery
from centrifugo_proxy.peers.capacity import Capacity
from centrifugo_proxy.peers.identity import (
    Identity,
    IdentityAnswer,
    IdentityDenied,
    IdentityError,
    IdentityFault,
    IdentityMalformed,
)
from centrifugo_proxy.policy.owner import Owner
from centrifugo_proxy.protocol.session_events import EventRequest
from fallback.outage import OutageDetector

# The maximum number of simultaneous refresh calls while connects do not call identity, because of an outage. An answer
# to one of these calls ends the outage. There are many refreshes in an outage: Centrifugo repeats each failed refresh
# after a minute. If identity hangs, more refresh calls would take the request slots (PROXY_MAX_INFLIGHT) that connects
# need. Connects need only a slot, because the service answers them from the pool without a call to identity.
MOST_IN_AN_OUTAGE: Final = 8


@dataclass(frozen=True, slots=True)
class Refresh:
    """Answers with a `result`, or with an HTTP status of 500 or higher, which makes Centrifugo's call fail."""

    identity: RefreshClient
    owners: Owners
    clock: Clock
    info_fields: frozenset[str]
    detector: OutageDetector
    in_an_outage: Capacity = field(default_factory=lambda: Capacity(MOST_IN_AN_OUTAGE))

    async def decide(self, request: EventRequest, caller: Caller) -> Decision:
        """Ask identity. Raises the same errors as `RefreshClient`.

        If `meta` is not usable, the connection expires. A connection with a fallback ticket also expires, so that its
        client reconnects as its real user.
        """
        owner, notices = self.owners.of(request)
        if owner is None or owner.from_pool:
            return expired(notices)
        if self.detector.calls_identity:
            return await self._asked(owner, request)
        if not self.in_an_outage.enter():
            return unavailable(503)
        try:
            return await self._asked(owner, request)
        finally:
            self.in_an_outage.leave()

    async def _asked(self, owner: Owner, request: EventRequest) -> Decision:
        call = self.detector.call_started()
        answer = await self.identity.refresh(RefreshQuery(owner.user, request.client, owner.family_id))
        notices = self._answered(call, answer)
        match answer:
            case Identity(user=user) if user == owner.user:
                return self._renewed(answer, bytes(request.meta), notices)
            case IdentityError():
                return unavailable(503, notices)
            case IdentityMalformed(problem):
                return internal_error(IdentityFault(problem), notices)
            case _:
                return expired(notices)

    def _answered(self, call: int, answer: IdentityAnswer) -> Notices:
        """Record the answer, which ends a streak of failures. UNIMPLEMENTED does not count as an answer."""
        if answer == IdentityDenied("UNIMPLEMENTED"):
            return ()
        ended = self.detector.answered(call, self.clock.monotonic())
        return (ended,) if ended else ()

    def _renewed(self, identity: Identity, known: bytes, notices: Notices) -> Decision:
        """A new expiry, and the owner's description if it has changed.
        Without a new expiry, Centrifugo would end the connection.
        """
        now = self.clock.time()
        expire_at, cut = bounded(identity.expire_at, now, "identity")
        fields: dict[str, Any] = {"expire_at": expire_at or furthest_end(now)}
        meta = describe(identity)
        if not _says(known, meta):
            fields |= {"info": public_info(meta, self.info_fields), "meta": meta}
        return allowed(fields, notices + cut)


def _says(known: bytes, meta: dict[str, Any]) -> bool:
    """True if the JSON `known` equals `meta`. Centrifugo usually sends back the same bytes."""
    if known == orjson.dumps(meta):
        return True
    try:
        same: bool = orjson.loads(known) == meta
    except orjson.JSONDecodeError:  # orjson refuses a value such as 1e999, even in a field that `owner_of` ignores
        return False
    return same
