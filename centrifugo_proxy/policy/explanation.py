"""Explains the decisions of a policy to its author. The decision itself comes from the policy."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from centrifugo_proxy.policy.owner import Owner
from centrifugo_proxy.policy.rules import (
    PLACEHOLDERS,
    WILDCARD,
    Action,
    ChannelRule,
    Policy,
    Reason,
    RpcRule,
    Rule,
    fits_segment,
)
from centrifugo_proxy.protocol import codes
from common.counted import counted

CHANNELS: Final = "channels"
RPC: Final = "rpc"


class Surroundings(NamedTuple):
    """The settings that apply after the policy has decided. `backends` maps names to targets."""

    backends: Mapping[str, str]
    family_service: str
    subscription_ttl_s: int


class PassedOver(NamedTuple):
    """A rule that does not match, and the reason."""

    rule: Rule
    why: str


class Explanation(NamedTuple):
    """A decision about a request. `kind` is the kind of rules that apply. `rule` is None if no rule matches.

    `client_error` is the code and message that the client gets, or None if the request is allowed. `next_steps` are
    the steps that follow the decision of the policy.
    """

    kind: str
    reason: Reason | None
    rule: ChannelRule | RpcRule | None
    why: str
    client_error: tuple[int, str] | None
    next_steps: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]


def explain_channel(
    policy: Policy, owner: Owner, channel: str, action: Action, surroundings: Surroundings
) -> Explanation:
    """Explains whether `owner` may do `action` on `channel`."""
    rule, reason = policy.judge_channel(owner, channel, action)
    if reason is None:
        why = f"the rule allows {action}, and no condition of the rule refuses it"
    else:
        why = _because(reason, rule, owner, allows=rule is not None and action in rule.allow)
    return Explanation(
        kind=CHANNELS,
        reason=reason,
        rule=rule,
        why=why,
        client_error=(codes.FORBIDDEN, reason) if reason else None,
        next_steps=_after_channel(rule, action, surroundings) if rule and not reason else (),
        passed_over=_passed_over(policy.channels, rule, channel.split(":"), owner, prefixes=False),
    )


def explain_method(policy: Policy, owner: Owner, method: str, surroundings: Surroundings) -> Explanation:
    """Explains whether `owner` may call `method`."""
    rule, reason = policy.judge_rpc(owner, method)
    why = "no condition of the rule refuses it" if reason is None else _because(reason, rule, owner)
    unknown = reason is Reason.NO_RULE
    client_error = (
        (codes.METHOD_NOT_FOUND, codes.METHOD_NOT_FOUND_MESSAGE) if unknown else (codes.FORBIDDEN, str(reason))
    )
    return Explanation(
        kind=RPC,
        reason=reason,
        rule=rule,
        why=why,
        client_error=client_error if reason else None,
        next_steps=_after_rpc(rule, surroundings) if rule and not reason else (),
        passed_over=_passed_over(policy.rpc, rule, method.split("."), owner, prefixes=True),
    )


def _because(reason: Reason, rule: Rule | None, owner: Owner, *, allows: bool = True) -> str:
    """The reason, with the values of the rule and of the owner. `allows` is False if the rule is for another action."""
    if reason is Reason.DEGRADED and not (rule and rule.sensitive and allows):
        return "the real user of a fallback connection is unknown, and a rule might allow the request for the real user"
    if rule is None:
        return "no rule matches"
    feature, tiers = rule.feature, _listed(rule.tiers or ())
    sentences = {
        Reason.DEGRADED: "the rule is sensitive, which is the default, and the connection is degraded",
        Reason.SCREEN_TIME: "screen_time_lock is on, and it refuses every publish and rpc",
        Reason.FEATURE: f'the rule has feature = "{feature}", and feature_lock_{feature} is on',
        Reason.TIER: f"the rule is for the tiers {tiers}, and the user's tier is {owner.subscription_tier}",
    }
    if isinstance(rule, ChannelRule):
        sentences[Reason.ACTION] = f"the rule allows only {_listed(rule.allow)}"
    return sentences[reason]


def _after_channel(rule: ChannelRule, action: Action, surroundings: Surroundings) -> tuple[str, ...]:
    steps = []
    if rule.ask_family_service:
        steps.append(f"the family service ({surroundings.family_service}) is called, and may still refuse")
    if action is Action.SUBSCRIBE and surroundings.subscription_ttl_s:
        earlier = ", or earlier if the family service says so" if rule.ask_family_service else ""
        steps.append(f"the subscription is checked again after {surroundings.subscription_ttl_s} seconds{earlier}")
    if action is Action.PUBLISH and rule.max_publish_bytes is not None:
        steps.append(f"more than {rule.max_publish_bytes} bytes of data are refused with {codes.TOO_LARGE}")
    if action is Action.PUBLISH and rule.skip_history:
        steps.append("the publication is not kept in the channel's history")
    return tuple(steps)


def _after_rpc(rule: RpcRule, surroundings: Surroundings) -> tuple[str, ...]:
    call = f"the backend {rule.backend} ({surroundings.backends[rule.backend]}) is called, and may still refuse"
    if rule.max_request_bytes is None:
        return (call,)
    return f"more than {rule.max_request_bytes} bytes of data are refused with {codes.TOO_LARGE}", call


def _passed_over(
    rules: Sequence[Rule], decided: Rule | None, segments: list[str], owner: Owner, *, prefixes: bool
) -> tuple[PassedOver, ...]:
    before = rules if decided is None else rules[: decided.number - 1]
    return tuple(PassedOver(rule, _mismatch(rule, segments, owner, prefixes=prefixes)) for rule in before)


def _mismatch(rule: Rule, segments: list[str], owner: Owner, *, prefixes: bool) -> str:
    """The reason why the rule does not match."""
    pattern = rule.segments
    if prefixes and pattern[-1] == WILDCARD and len(segments) > len(pattern):
        pattern += (WILDCARD,) * (len(segments) - len(pattern))
    if len(pattern) != len(segments):
        return f"it has {counted(len(pattern), 'segment')}, not {len(segments)}"
    wanted, segment = next(
        (wanted, segment)
        for wanted, segment in zip(pattern, segments, strict=True)
        if not fits_segment(wanted, segment, owner)
    )
    if wanted in PLACEHOLDERS and segment == "":
        return f"{wanted} does not match an empty segment"
    return f"{_described(wanted, owner)}, not {segment!r}"


def _described(wanted: str, owner: Owner) -> str:
    if wanted == WILDCARD:
        return f"{WILDCARD} is one printable segment without white space or reserved characters"
    if wanted in PLACEHOLDERS:
        return f"{wanted} is {getattr(owner, wanted.strip('{}'))!r} here"
    return f"it has {wanted!r}"


def _listed(words: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(sorted(words))
