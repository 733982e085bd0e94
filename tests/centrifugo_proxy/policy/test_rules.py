"""The verdicts of a policy: the deciding rule and the reason."""

import pytest

from centrifugo_proxy.policy.owner import Owner
from centrifugo_proxy.policy.rules import Action, ChannelRule, Policy, Reason, RpcRule

MEMBER = Owner("u-1", "f-1", "pro", is_admin=False, locks=frozenset(), degraded=False)
CHILD = MEMBER._replace(locks=frozenset({"screen_time_lock", "feature_lock_chat"}))


def channel(match: str, *actions: Action, **fields: object) -> ChannelRule:
    segments = tuple(match.split(":"))
    return ChannelRule(match=match, segments=segments, number=1, line=1, allow=frozenset(actions), **fields)  # type: ignore[arg-type]


def rpc(match: str) -> RpcRule:
    return RpcRule(match=match, segments=tuple(match.split(".")), number=1, line=1, backend="diary")


def test_the_verdict_has_the_rule_and_the_reason() -> None:
    first, second = channel("a", Action.PUBLISH), channel("*", Action.SUBSCRIBE)
    policy = Policy((first, second))

    assert policy.judge_channel(MEMBER, "a", Action.PUBLISH) == (first, None)
    assert policy.judge_channel(MEMBER, "a", Action.SUBSCRIBE) == (first, Reason.ACTION)
    assert policy.judge_channel(MEMBER, "b", Action.SUBSCRIBE) == (second, None)
    assert policy.judge_channel(MEMBER, "b:c", Action.SUBSCRIBE) == (None, Reason.NO_RULE)
    assert policy.judge_channel(None, "a", Action.PUBLISH) == (None, Reason.NO_META)


@pytest.mark.parametrize(
    ("owner", "action", "reason"),
    [
        (CHILD._replace(degraded=True, subscription_tier="free"), Action.PUBLISH, Reason.DEGRADED),
        (CHILD._replace(subscription_tier="free"), Action.PUBLISH, Reason.SCREEN_TIME),
        (CHILD._replace(subscription_tier="free"), Action.SUBSCRIBE, Reason.FEATURE),
        (MEMBER._replace(subscription_tier="free"), Action.SUBSCRIBE, Reason.TIER),
        (MEMBER, Action.PUBLISH, None),
    ],
)
def test_the_reason_is_the_most_temporary_of_the_conditions_that_are_not_met(
    owner: Owner, action: Action, reason: Reason | None
) -> None:
    rule = channel("a", *Action, feature="chat", tiers=frozenset({"pro"}))

    assert Policy((rule,)).judge_channel(owner, "a", action) == (rule, reason)


def test_an_administrator_has_no_additional_rights() -> None:
    rule = channel("family:{family_id}", *Action, tiers=frozenset({"family"}))
    admin = MEMBER._replace(is_admin=True)

    verdicts = [Policy((rule,)).judge_channel(admin, name, Action.SUBSCRIBE) for name in ("family:f-1", "family:f-2")]

    assert verdicts == [(rule, Reason.TIER), (None, Reason.NO_RULE)]


def test_the_first_rule_that_matches_a_method_decides_and_a_prefix_alone_does_not_match() -> None:
    exact, prefix = rpc("diary.list"), rpc("diary.*")
    policy = Policy(rpc=(exact, prefix))

    assert policy.judge_rpc(MEMBER, "diary.list") == (exact, None)
    assert policy.judge_rpc(MEMBER, "diary.list.more") == (prefix, None)
    assert policy.judge_rpc(MEMBER, "diary") == (None, Reason.NO_RULE)
    assert policy.judge_rpc(CHILD, "diary.list") == (exact, Reason.SCREEN_TIME)
    assert policy.judge_rpc(None, "diary.list") == (None, Reason.NO_META)


def test_a_star_in_the_middle_of_a_pattern_matches_exactly_one_segment() -> None:
    rule = rpc("diary.*.list")
    policy = Policy(rpc=(rule,))

    assert policy.judge_rpc(MEMBER, "diary.entries.list") == (rule, None)
    assert policy.judge_rpc(MEMBER, "diary.entries.old.list") == (None, Reason.NO_RULE)
    assert policy.judge_rpc(MEMBER, "diary..list") == (None, Reason.NO_RULE)
