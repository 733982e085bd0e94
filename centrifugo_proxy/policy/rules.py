"""Decides who may do what, from the policy, the request and the connection's owner. By default, a request is refused.

Channels are split into segments at colons, and methods at dots. Segments are compared exactly, without normalisation.
A placeholder is a whole segment, so that a value cannot extend into the next segment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from typing import Final, NamedTuple

from centrifugo_proxy.policy.owner import Owner
from common.channel_names import is_plain_segment

WILDCARD: Final = "*"
FAMILY_ID: Final = "{family_id}"
USER: Final = "{user}"
PLACEHOLDERS: Final = (FAMILY_ID, USER)
PLACEHOLDERS_SET: Final = frozenset(PLACEHOLDERS)
SPECIAL: Final = frozenset({WILDCARD, *PLACEHOLDERS})


class Action(StrEnum):
    """The actions that a channel rule can allow."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"


class Reason(StrEnum):
    """The reason for a refusal. The client gets the value as its message, except for an unknown method."""

    NO_META = "the connection's owner is not known"
    NO_RULE = "not allowed"
    ACTION = "not allowed here"
    DEGRADED = "not while the connection is degraded"
    SCREEN_TIME = "locked: screen time"
    FEATURE = "locked by a parent"
    TIER = "not in this subscription tier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The fields of every rule. `number` counts the rules of one kind from 1. `line` is the rule's line in the file."""

    match: str
    segments: tuple[str, ...]
    number: int
    line: int
    feature: str | None = None
    tiers: frozenset[str] | None = None
    sensitive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRule(Rule):
    """A rule for channels. `max_publish_bytes` is None if the rule has no limit."""

    allow: frozenset[Action] = frozenset()
    max_publish_bytes: int | None = None
    skip_history: bool = False
    ask_family_service: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcRule(Rule):
    """A rule for methods. A trailing `*` matches one or more segments."""

    backend: str
    max_request_bytes: int | None = None


class ChannelVerdict(NamedTuple):
    """`rule` is the rule that decides, or None if no rule matches. `reason` is None if the request is allowed.

    A refused fallback connection gets Reason.DEGRADED if the policy may allow the request for another owner. The real
    user of the connection is unknown, and its client must try again after it has reconnected as that user.
    """

    rule: ChannelRule | None
    reason: Reason | None


class RpcVerdict(NamedTuple):
    """The same fields as ChannelVerdict. With Reason.NO_RULE the method is unknown."""

    rule: RpcRule | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in the order of the file. The first rule that matches decides."""

    channels: tuple[ChannelRule, ...] = ()
    rpc: tuple[RpcRule, ...] = ()

    def judge_channel(self, owner: Owner | None, channel: str, action: Action) -> ChannelVerdict:
        """Judges whether `owner` (None if unknown) may do `action` on `channel`."""
        if owner is None:
            return ChannelVerdict(None, Reason.NO_META)
        segments = channel.split(":")
        verdict = self._judge_channel(owner, segments, action)
        if owner.from_pool and verdict.reason is not None and self._some_owner_may(segments, action):
            return verdict._replace(reason=Reason.DEGRADED)
        return verdict

    def _judge_channel(self, owner: Owner, segments: list[str], action: Action) -> ChannelVerdict:
        for rule in self.channels:
            if _fits(rule.segments, segments, owner):
                if action not in rule.allow:
                    return ChannelVerdict(rule, Reason.ACTION)
                return ChannelVerdict(rule, _refusal(rule, owner, writes=action is Action.PUBLISH))
        return ChannelVerdict(None, Reason.NO_RULE)

    def _some_owner_may(self, segments: list[str], action: Action) -> bool:
        """True if a rule allows `action` for some owner. A fallback connection is then refused as degraded."""
        for rule in self.channels:
            if _fits(rule.segments, segments, None):
                if action in rule.allow:
                    return True
                if PLACEHOLDERS_SET.isdisjoint(rule.segments):
                    return False
        return False

    def judge_rpc(self, owner: Owner | None, method: str) -> RpcVerdict:
        """Judges whether `owner` (None if unknown) may call `method`."""
        if owner is None:
            return RpcVerdict(None, Reason.NO_META)
        segments = method.split(".")
        for rule in self.rpc:
            if _fits_prefix(rule.segments, segments, owner):
                reason = _refusal(rule, owner, writes=True)
                return RpcVerdict(rule, Reason.DEGRADED if reason and owner.from_pool else reason)
        known = owner.from_pool and any(_fits_prefix(rule.segments, segments, None) for rule in self.rpc)
        return RpcVerdict(None, Reason.DEGRADED if known else Reason.NO_RULE)


def _refusal(rule: Rule, owner: Owner, *, writes: bool) -> Reason | None:
    """The reason to refuse a request that `rule` matches, or None. Conditions can only remove rights."""
    if rule.sensitive and owner.degraded:
        return Reason.DEGRADED
    if writes and owner.out_of_screen_time():
        return Reason.SCREEN_TIME
    if rule.feature is not None and owner.locked(rule.feature):
        return Reason.FEATURE
    if rule.tiers is not None and owner.subscription_tier not in rule.tiers:
        return Reason.TIER
    return None


def _fits(pattern: Sequence[str], segments: Sequence[str], owner: Owner | None) -> bool:
    return len(pattern) == len(segments) and all(map(fits_segment, pattern, segments, repeat(owner)))


def _fits_prefix(pattern: Sequence[str], segments: Sequence[str], owner: Owner | None) -> bool:
    if pattern[-1] == WILDCARD and len(segments) > len(pattern):
        head, rest = segments[: len(pattern)], segments[len(pattern) :]
        return _fits(pattern, head, owner) and all(map(is_plain_segment, rest))
    return _fits(pattern, segments, owner)


def fits_segment(wanted: str, segment: str, owner: Owner | None) -> bool:
    """True if a segment of a channel or method matches the pattern's segment.
    If `owner` is None, True if the segment matches for some owner.
    """
    if wanted not in SPECIAL:
        return segment == wanted
    if wanted == WILDCARD:
        return is_plain_segment(segment)
    if owner is None:
        return segment != ""
    if wanted == FAMILY_ID:
        return segment != "" and segment == owner.family_id
    return segment != "" and segment == owner.user
