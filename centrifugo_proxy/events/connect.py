"""The connect event: decides whether a connection is accepted, and as which user.

It updates the detector and the pool. It logs and counts nothing: the `Decision` describes what happened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from centrifugo_proxy.events.base import Caller, CallerGone, Clock
from centrifugo_proxy.events.decision import (
    CallFailed,
    Decision,
    DisconnectChanged,
    Notices,
    TicketMissing,
    internal_error,
)
from centrifugo_proxy.events.description import describe, public_info
from centrifugo_proxy.events.expiry import bounded
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
from common.named_tuples import new_tuple
from fallback.admission import POOL_MARKS, Admission

# fmt: off
OUTCOMES: Final = (
    "success", "success_degraded", "disconnect", "invalid_ticket", "identity_error", "unavailable",
    "fallback_pool_consumed", "fallback_pool_miss", "fallback_pool_not_open", "bad_request", "internal_error",
    "cancelled",
)
# fmt: on

# Sent to the client as `data` if identity marks the connection as degraded. When a client connects, Centrifugo does not
# send it the connection's info and meta.
DEGRADED_MARKS: Final = {"degraded": True}

# If identity's expiry is in the past, the answer is an internal error, after which SDKs reconnect. If Centrifugo got
# such an expiry, it would refuse the connection with an error after which SDKs do not reconnect.
ENDED: Final = "identity's Success has an expire_at in the past; compare the clocks"


def _nothing() -> None:
    """The default of `wake_probe`, for a service without a probe."""


@dataclass(frozen=True, slots=True)
class Connect:
    """The connect event, and the parts that it uses. `wake_probe` is called if identity does not answer."""

    identity: IdentityClient
    admission: Admission
    clock: Clock
    invalid_ticket_code: int
    unavailable_code: int
    info_fields: frozenset[str]
    wake_probe: Callable[[], None] = _nothing

    async def decide(self, request: ConnectRequest, caller: Caller) -> Decision:
        """Redeem the ticket at identity or, in an outage, at the pool.

        Raises CallerGone if the caller has hung up before its pool ticket is consumed.
        """
        if request.ticket is None:
            return self._invalid_ticket((TicketMissing(request.problem),))
        if not self.admission.detector.calls_identity:
            return await self._from_pool(request.ticket, caller)
        call = self.admission.detector.call_started()
        try:
            answer = await self.identity.validate(
                new_tuple(ValidateQuery, (request.ticket, request.client, request.transport, request.protocol))
            )
        except IdentityUnavailable as unavailable:
            return await self._from_pool(request.ticket, caller, self._failed(call, str(unavailable)))
        except IdentityInterrupted as interrupted:  # not evidence for or against an outage
            return self._unavailable("unavailable", (CallFailed("identity", str(interrupted)),))
        except IdentityFault as fault:
            return internal_error(fault)
        ended = self.admission.detector.answered(call, self.clock.monotonic())
        return self._translate(answer, request.ticket, (ended,) if ended else ())

    def _failed(self, call: int, status: str) -> Notices:
        opened = self.admission.detector.failed(call, self.clock.monotonic())
        self.wake_probe()
        failure = CallFailed("identity", status)
        return (failure, opened) if opened else (failure,)

    async def _from_pool(self, ticket: str, caller: Caller, notices: Notices = ()) -> Decision:
        """The answer while identity is unreachable.

        Directly before the ticket is consumed, this method checks that the caller has not hung up. No other task runs
        between the check and the use of the ticket.
        """
        if self.admission.may_consume(ticket) and await caller.gone():
            raise CallerGone
        admitted = await self.admission.admit(ticket, self.clock.monotonic(), self.clock.time())
        if admitted is None:
            outcome = "fallback_pool_miss" if self.admission.open else "unavailable"
            return self._unavailable(outcome, notices + self.admission.empty_notice())
        fields = {
            "user": admitted.user,
            "info": POOL_MARKS,
            "meta": POOL_MARKS,
            "data": POOL_MARKS,
            "expire_at": admitted.expire_at,
        }
        return Decision("fallback_pool_consumed", 200, answers.Result(fields), notices + admitted.notices)

    def _translate(self, answer: IdentityAnswer, ticket: str, notices: Notices) -> Decision:
        match answer:
            case Identity():
                return self._success(answer, notices)
            case IdentityDenied() | IdentityDisconnect() if self.admission.holds(ticket):
                # Identity is up but does not know the pool's tickets: the client keeps its ticket and tries again.
                return self._unavailable("fallback_pool_not_open", notices)
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
            now = self.clock.time()
            if identity.expire_at < int(now):
                return internal_error(IdentityFault(ENDED), notices)
            fields["expire_at"], cut = bounded(identity.expire_at, now, "identity")
            notices += cut
        if identity.degraded:
            fields["data"] = DEGRADED_MARKS
        outcome = "success_degraded" if identity.degraded else "success"
        return new_tuple(Decision, (outcome, 200, new_tuple(answers.Result, (fields,)), notices, None))

    def _passed_on(self, code: int, reason: str, notices: Notices) -> Decision:
        passable = code in codes.DISCONNECT_CODES
        answer = answers.disconnect(code if passable else self.invalid_ticket_code, reason)
        if answer == (code, reason):
            return Decision("disconnect", 401, answer, notices)
        return Decision("disconnect", 401, answer, (*notices, DisconnectChanged(code, len(reason.encode()))))

    def _invalid_ticket(self, notices: Notices) -> Decision:
        return Decision(
            "invalid_ticket", 401, answers.disconnect(self.invalid_ticket_code, codes.INVALID_TICKET_REASON), notices
        )

    def _unavailable(self, outcome: str, notices: Notices) -> Decision:
        answer = answers.disconnect(self.unavailable_code, "ticket validation temporarily unavailable")
        return Decision(outcome, 503, answer, notices)
