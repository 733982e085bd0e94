"""Decides whether a connection may subscribe or publish to a channel. subscribe, publish and sub_refresh use it."""

from dataclasses import dataclass
from typing import NamedTuple

from centrifugo_proxy.events.decision import Notices
from centrifugo_proxy.events.owners import Owners
from centrifugo_proxy.peers.backends import (
    AccessAnswer,
    AccessQuery,
    BackendDisconnect,
    BackendError,
    BackendFault,
    FamilyService,
    Grant,
)
from centrifugo_proxy.policy.owner import Owner
from centrifugo_proxy.policy.rules import Action, ChannelRule, Policy, Reason
from centrifugo_proxy.protocol import codes
from centrifugo_proxy.protocol.session_events import EventRequest


class Granted(NamedTuple):
    """Allowed by `rule`, until `expire_at` in Unix seconds. `expire_at` is 0 if the family service sets no end."""

    rule: ChannelRule
    expire_at: int


class Denied(NamedTuple):
    """Refused, with an error for the client.

    `temporary` is true if the request may be allowed on a connection that is not degraded.
    """

    code: int
    message: str
    temporary: bool = False


Judgement = Granted | Denied | BackendDisconnect


@dataclass(frozen=True, slots=True)
class ChannelGate:
    """Asks the policy. If the rule that decides has `ask_family_service`, it also asks the family service."""

    policy: Policy
    owners: Owners
    family_service: FamilyService | None

    async def judge(self, request: EventRequest, action: Action) -> tuple[Judgement, Notices]:
        """Allow, refuse or disconnect. Raises BackendUnavailable, BackendFault or ShareTaken."""
        owner, notices = self.owners.of(request)
        rule, reason = self.policy.judge_channel(owner, request.channel, action)
        if owner is None or rule is None or reason is not None:
            return Denied(codes.FORBIDDEN, reason or Reason.NO_RULE, reason is Reason.DEGRADED), notices
        if not rule.ask_family_service:
            return Granted(rule, 0), notices
        if self.family_service is None:
            raise BackendFault("a rule asks the family service, but none is configured")
        query = AccessQuery(
            owner.user, owner.family_id, request.client, request.channel, publish=action is Action.PUBLISH
        )
        return _judgement(await self.family_service.authorize(query), rule, owner), notices


def _judgement(answer: AccessAnswer, rule: ChannelRule, owner: Owner) -> Judgement:
    """The judgement that follows from an answer of the family service.

    The family service does not know the users of fallback connections, so a refusal of such a connection is temporary.
    """
    match answer:
        case Grant(expire_at):
            return Granted(rule, expire_at)
        case BackendError(code, message):
            known = code in codes.APPLICATION_ERROR_CODES
            return Denied(code if known else codes.FORBIDDEN, message, temporary=owner.from_pool)
        case BackendDisconnect():
            return answer
