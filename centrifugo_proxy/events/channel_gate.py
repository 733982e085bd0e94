"""What subscribe, publish and sub_refresh have in common: may this connection do that on this channel."""

from dataclasses import dataclass, field
from typing import NamedTuple

from centrifugo_proxy import codes
from centrifugo_proxy.backends import (
    AccessAnswer,
    AccessQuery,
    BackendDisconnect,
    BackendError,
    BackendFault,
    FamilyService,
    Grant,
)
from centrifugo_proxy.event_wire import EventRequest
from centrifugo_proxy.events.decision import MetaMissing, Notices
from centrifugo_proxy.policy import Action, ChannelRule, Policy, Reason
from centrifugo_proxy.subject import Subject, subject_of


@dataclass(slots=True)
class Once:
    """True the first time it is asked."""

    asked: bool = False

    def first(self) -> bool:
        first, self.asked = not self.asked, True
        return first


@dataclass(frozen=True, slots=True)
class Subjects:
    """Reads whose connection it is; notices, once, that Centrifugo does not say."""

    missing: Once = field(default_factory=Once)

    def of(self, request: EventRequest) -> tuple[Subject | None, Notices]:
        """The subject, None when `meta` is missing or malformed, and what an operator should hear of it."""
        subject = subject_of(request.user, request.meta)
        if subject is None and request.without_meta and self.missing.first():
            return None, (MetaMissing(),)
        return subject, ()


class Granted(NamedTuple):
    """Allowed by `rule`, until `expire_at` (Unix seconds, 0 = nobody said)."""

    rule: ChannelRule
    expire_at: int


class Denied(NamedTuple):
    """Refused, with what the client is told."""

    code: int
    message: str


Judgement = Granted | Denied | BackendDisconnect


@dataclass(frozen=True, slots=True)
class ChannelGate:
    """The policy, and the family service for the rules that ask it."""

    policy: Policy
    subjects: Subjects
    family_service: FamilyService | None

    async def judge(self, request: EventRequest, action: Action) -> tuple[Judgement, Notices]:
        """The judgement. Raises BackendUnavailable or BackendFault of the family service."""
        subject, notices = self.subjects.of(request)
        rule, reason = self.policy.judge_channel(subject, request.channel, action)
        if subject is None or rule is None or reason is not None:
            return Denied(codes.FORBIDDEN, reason or Reason.NO_RULE), notices
        if not rule.ask_family_service:
            return Granted(rule, 0), notices
        if self.family_service is None:
            raise BackendFault("a rule asks the family service, and there is none")
        query = AccessQuery(
            subject.user, subject.family_id, request.client, request.channel, publish=action is Action.PUBLISH
        )
        return _judgement(await self.family_service.authorize(query), rule), notices


def _judgement(answer: AccessAnswer, rule: ChannelRule) -> Judgement:
    match answer:
        case Grant(expire_at):
            return Granted(rule, expire_at)
        case BackendError(code, message):
            return Denied(code if code in codes.APPLICATION_ERROR_CODES else codes.FORBIDDEN, message)
        case BackendDisconnect():
            return answer
