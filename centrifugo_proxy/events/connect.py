"""The connect event: may this connection be made, and as whom.

Decides, and moves the fallback's state; tells nobody. What happened is in the `Decision`.
"""

from dataclasses import dataclass
from typing import Any, Final

from centrifugo_proxy.events.base import Caller, CallerGone, Clock
from centrifugo_proxy.events.decision import Decision, DisconnectChanged, Notices, internal_error
from centrifugo_proxy.events.description import describe, public_info
from centrifugo_proxy.peers.identity import (
    Identity,
    IdentityAnswer,
    IdentityClient,
    IdentityDenied,
    IdentityDisconnect,
    IdentityError,
    IdentityFault,
    IdentityInterrupted,
    IdentityMalformed,
    IdentityUnavailable,
    ValidateQuery,
)
from centrifugo_proxy.protocol import answers, codes
from centrifugo_proxy.protocol.connect import ConnectRequest
from fallback.admission import POOL_MARKS, Admission

# fmt: off
OUTCOMES: Final = (
    "success", "success_degraded", "disconnect", "invalid_ticket", "identity_error", "unavailable",
    "fallback_pool_consumed", "fallback_pool_miss", "bad_request", "internal_error", "cancelled",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Connect:
    """The connect event with its collaborators."""

    identity: IdentityClient
    admission: Admission
    clock: Clock
    invalid_ticket_code: int
    unavailable_code: int
    info_fields: frozenset[str]

    async def decide(self, request: ConnectRequest, caller: Caller) -> Decision:
        """Redeem the ticket at identity or, in an outage, at the pool.

        Raises CallerGone when it is known that nobody waits for a pool ticket's answer.
        """
        if request.ticket is None:
            return self._invalid_ticket()
        detector = self.admission.detector
        if not detector.lets_call(self.clock.monotonic()):
            return await self._ask_pool(request.ticket, caller, self._noticed())
        call = detector.call_started()
        try:
            answer = await self.identity.validate(
                ValidateQuery(request.ticket, request.client, request.transport, request.protocol)
            )
        except IdentityUnavailable:
            opened = detector.failed(call, self.clock.monotonic())
            return await self._ask_pool(request.ticket, caller, (opened,) if opened else ())
        except IdentityInterrupted:  # tells nothing about an outage
            return self._unavailable("unavailable", ())
        except IdentityFault as fault:
            return internal_error(fault)
        return self._translate(answer, self._answered(call))

    def _answered(self, call: int) -> Notices:
        opened = self._noticed()  # the window may have passed without a call to see it
        ended = self.admission.detector.answered(call, self.clock.monotonic())
        return (*opened, ended) if ended else opened

    def _noticed(self) -> Notices:
        opened = self.admission.detector.notice(self.clock.monotonic())
        return (opened,) if opened else ()

    async def _ask_pool(self, ticket: str, caller: Caller, notices: Notices) -> Decision:
        """The answer while identity is away. No await stands between the last look and the consumption."""
        if self.admission.may_consume(ticket, self.clock.monotonic()) and await caller.gone():
            raise CallerGone
        now = self.clock.monotonic()
        admitted = self.admission.admit(ticket, now, self.clock.time())
        if admitted is None:
            return self._unavailable("fallback_pool_miss" if self.admission.open(now) else "unavailable", notices)
        fields = {"user": admitted.user, "info": POOL_MARKS, "meta": POOL_MARKS, "expire_at": admitted.expire_at}
        return Decision("fallback_pool_consumed", 200, answers.Result(fields), notices + admitted.notices)

    def _translate(self, answer: IdentityAnswer, notices: Notices) -> Decision:
        match answer:
            case Identity():
                return self._success(answer, notices)
            case IdentityDisconnect(code, reason):
                return self._passed_on(code, reason, notices)
            case IdentityDenied():
                return self._invalid_ticket(notices)
            case IdentityError():
                return self._unavailable("identity_error", notices)
            case IdentityMalformed(problem):
                return internal_error(IdentityFault(problem), notices)

    def _success(self, identity: Identity, notices: Notices) -> Decision:
        meta = describe(identity)
        fields: dict[str, Any] = {"user": identity.user, "info": public_info(meta, self.info_fields), "meta": meta}
        if identity.expire_at:
            fields["expire_at"] = identity.expire_at
        outcome = "success_degraded" if identity.degraded else "success"
        return Decision(outcome, 200, answers.Result(fields), notices)

    def _passed_on(self, code: int, reason: str, notices: Notices) -> Decision:
        passable = code in codes.DISCONNECT_CODES
        answer = answers.disconnect(code if passable else self.invalid_ticket_code, reason)
        if answer == (code, reason):
            return Decision("disconnect", 401, answer, notices)
        return Decision("disconnect", 401, answer, (*notices, DisconnectChanged(code, len(reason.encode()))))

    def _invalid_ticket(self, notices: Notices = ()) -> Decision:
        return Decision("invalid_ticket", 401, answers.disconnect(self.invalid_ticket_code, "invalid ticket"), notices)

    def _unavailable(self, outcome: str, notices: Notices) -> Decision:
        answer = answers.disconnect(self.unavailable_code, "ticket validation temporarily unavailable")
        return Decision(outcome, 503, answer, notices)
