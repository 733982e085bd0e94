"""Properties of every policy, channel and owner that hypothesis generates."""

from dataclasses import replace
from typing import Any

import orjson
from hypothesis import assume, given
from hypothesis import strategies as st

from centrifugo_proxy.events.description import describe
from centrifugo_proxy.peers.identity import TIERS, Identity, ParentalState
from centrifugo_proxy.policy.file import PolicyError, read_policy
from centrifugo_proxy.policy.owner import FEATURES
from centrifugo_proxy.policy.rules import Action, ChannelRule, Policy, RpcRule
from tests.harness.examples import examples
from tests.http.session_events.asking import LOCKS, OPEN, POOL_META, ask, entered, meta, owner_by, policed

# Ids and names with separators, Centrifugo's reserved characters, placeholders, look-alikes, or empty.
SIGNS = st.sampled_from([":", "#", "$", "*", "&", "/", ".", "{", "}", "{family_id}", "{user}", " ", "\n", "\x00", "|"])
NAMES = st.sampled_from(
    ["family", "chat", "f-1", "f-2", "u-1", "", "F-1", "f‑1", "ｆ-1", "f-1\u200b", "ſ", "s", "é", "e\u0301"]
)
WORDS = st.lists(st.one_of(SIGNS, NAMES, st.text(max_size=3)), max_size=4).map("".join)
CHANNELS = st.lists(st.one_of(WORDS, st.just("{own}")), min_size=1, max_size=5).map(":".join)
FAMILY_PATTERNS = st.lists(
    st.sampled_from(["family", "chat", "*", "f-1", "f-2", "{user}"]), min_size=0, max_size=3
).flatmap(lambda rest: st.permutations(["{family_id}", *rest]))

Owner = dict[str, Any]


@st.composite
def owners(draw: st.DrawFn) -> Owner:
    """A `meta` that connect can have written."""
    locks = ParentalState(*(draw(st.booleans()) for _ in ParentalState._fields))
    tier, admin, degraded = draw(st.sampled_from(TIERS)), draw(st.booleans()), draw(st.booleans())
    return describe(Identity("u-1", draw(WORDS), tier, admin, locks, 0, degraded))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Valid policies without shadowed rules."""
    count = draw(st.integers(1, 5))
    patterns = st.lists(st.sampled_from(["a", "b", "*", "{family_id}", "{user}"]), min_size=1, max_size=3).map(":".join)
    matches = draw(st.lists(patterns, min_size=count, max_size=count, unique=True))
    rules = []
    for match in matches:
        allow = draw(st.sampled_from(['["subscribe"]', '["publish"]', '["subscribe", "publish"]']))
        lines = ["[[channels]]", f'match = "{match}"', f"allow = {allow}"]
        if draw(st.booleans()):
            lines.append("sensitive = false")
        if draw(st.booleans()):
            lines.append(f'feature = "{draw(st.sampled_from(FEATURES))}"')
        if draw(st.booleans()):
            tiers = draw(st.lists(st.sampled_from(TIERS), min_size=1, max_size=3, unique=True))
            lines.append(f"tiers = {orjson.dumps(tiers).decode()}")
        rules.append("\n".join(lines))
    try:
        return read_policy("\n".join(rules), path="p", backends=(), family_service=False)
    except PolicyError:
        assume(False)
        raise AssertionError from None


AIMED = st.lists(st.sampled_from(["a", "b", "c", "f-1", "u-1", "f-2"]), min_size=1, max_size=3).map(":".join)
ACTIONS = st.sampled_from(Action)


def allowed(policy: Policy, owner: Any, channel: str, action: Action) -> bool:
    return policy.judge_channel(owner_by(owner), channel, action).reason is None


def of_family(match: str) -> Policy:
    rule = (
        f'[[channels]]\nmatch = {orjson.dumps(match).decode()}\nallow = ["subscribe", "publish"]\nsensitive = false\n'
    )
    return read_policy(rule, path="p", backends=(), family_service=False)


@given(pattern=FAMILY_PATTERNS, channel=CHANNELS, own=WORDS, user=WORDS, action=ACTIONS)
@examples(600)
def test_no_user_reaches_a_channel_with_another_familys_id(
    pattern: list[str], channel: str, own: str, user: str, action: Action
) -> None:
    """A request that a rule with {family_id} allows has exactly the owner's family id there."""
    policy = of_family(":".join(pattern))
    asked = channel.replace("{own}", own)

    verdict = policy.judge_channel(owner_by(meta(family_id=own), user), asked, action)

    if verdict.reason is None:
        assert asked.split(":")[pattern.index("{family_id}")] == own != ""
        assert len(asked.split(":")) == len(pattern)


@given(own=WORDS, other=WORDS)
@examples(300)
def test_only_a_familys_own_id_reaches_its_channel(own: str, other: str) -> None:
    policy = of_family("family:{family_id}:chat")

    reached = allowed(policy, meta(family_id=own), f"family:{other}:chat", Action.SUBSCRIBE)

    assert reached == (own == other != "" and ":" not in own)


@given(policy=policies(), channel=AIMED, action=ACTIONS, owner=owners())
@examples(300)
def test_a_degraded_connection_reaches_nothing_sensitive(
    policy: Policy, channel: str, action: Action, owner: Owner
) -> None:
    for degraded in ({**owner, "degraded": True}, POOL_META):
        rule, reason = policy.judge_channel(owner_by(degraded), channel, action)

        assert reason is not None or (rule is not None and not rule.sensitive)


@given(policy=policies(), channel=AIMED, action=ACTIONS, owner=owners(), lock=st.sampled_from(LOCKS))
@examples(400)
def test_a_new_lock_never_allows_a_refused_request(
    policy: Policy, channel: str, action: Action, owner: Owner, lock: str
) -> None:
    owner["family_id"] = "f-1"
    without = {**owner, "parental_state": {**owner["parental_state"], lock: False}}
    locked = {**owner, "parental_state": {**owner["parental_state"], lock: True}}

    assert allowed(policy, without, channel, action) >= allowed(policy, locked, channel, action)


@given(policy=policies(), channel=AIMED, action=ACTIONS, owner=owners())
@examples(300)
def test_a_degraded_connection_may_never_do_more_than_a_normal_one(
    policy: Policy, channel: str, action: Action, owner: Owner
) -> None:
    owner["family_id"] = "f-1"
    good = {name: value for name, value in owner.items() if name != "degraded"}

    assert allowed(policy, good, channel, action) >= allowed(policy, {**good, "degraded": True}, channel, action)


@given(policy=policies(), channel=AIMED, action=ACTIONS, owner=owners(), data=st.data())
@examples(400)
def test_a_rule_with_fewer_tiers_or_more_locks_never_allows_a_refused_request(
    policy: Policy, channel: str, action: Action, owner: Owner, data: st.DataObject
) -> None:
    owner["family_id"] = "f-1"
    number = data.draw(st.integers(0, len(policy.channels) - 1))
    narrower = replace(policy, channels=tuple(
        narrowed(rule, data) if index == number else rule for index, rule in enumerate(policy.channels)
    ))  # fmt: skip

    assert allowed(policy, owner, channel, action) >= allowed(narrower, owner, channel, action)


def narrowed(rule: ChannelRule, data: st.DataObject) -> ChannelRule:
    """The rule with one more restriction: a tier less, tiers, a feature, or sensitive."""
    tiers = rule.tiers or frozenset(TIERS)
    fewer = replace(rule, tiers=tiers - {data.draw(st.sampled_from(sorted(tiers)))})
    return data.draw(
        st.sampled_from([fewer, replace(rule, sensitive=True), replace(rule, feature=rule.feature or FEATURES[0])])
    )


METHODS = st.lists(
    st.one_of(st.sampled_from(["diary", "entries", "*", "", "#", "dıary"]), st.text(max_size=3)), max_size=4
)


@given(segments=METHODS, owner=owners())
@examples(300)
def test_a_prefix_allows_only_its_own_methods(segments: list[str], owner: Owner) -> None:
    rule = RpcRule(match="diary.*", segments=("diary", "*"), number=1, line=1, backend="diary", sensitive=False)
    method = ".".join(segments)

    _, reason = Policy(rpc=(rule,)).judge_rpc(owner_by({**owner, "parental_state": meta()["parental_state"]}), method)

    if reason is None:
        assert method.startswith("diary.")
        assert "" not in method.split(".")
        assert set(method).isdisjoint("#$&*{}/ \n\x00")


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), WORDS
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["degraded", "fallback_path", *meta(), *LOCKS, "else"]), inner, max_size=6),
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid meta with one part removed or replaced."""
    owner: dict[str, Any] = draw(owners())
    inside = owner["parental_state"] if draw(st.booleans()) else owner
    name = draw(st.sampled_from(sorted(inside)))
    if draw(st.booleans()):
        del inside[name]
    else:
        inside[name] = draw(JSON)
    return owner


@given(owner=st.one_of(JSON, mutated()))
@examples(600)
def test_only_a_meta_written_by_connect_has_an_owner(owner: Any) -> None:
    assert (owner_by(owner) is not None) == written_by_connect(owner)


def written_by_connect(owner: Any) -> bool:
    """The same rule, written independently of the code."""
    if not isinstance(owner, dict):
        return False
    if owner.get("fallback_path") is not None:
        return owner["fallback_path"] == "pool" and owner.get("degraded") is True
    state = owner.get("parental_state")
    return (
        type(owner.get("family_id")) is str
        and type(owner.get("is_admin")) is bool
        and owner.get("subscription_tier") in ("unspecified", "free", "pro", "family")
        and type(owner.get("degraded", False)) is bool
        and isinstance(state, dict)
        and all(type(state.get(lock)) is bool for lock in LOCKS)
    )


def test_only_a_members_meta_is_allowed() -> None:
    """Over HTTP: always an answer, never a traceback."""
    with entered(policed(OPEN, RPC_BACKENDS={"diary": "127.0.0.1:1"})) as (runner, running):

        @given(owner=st.one_of(JSON, mutated()))
        @examples(100)
        def holds(owner: Any) -> None:
            response = runner.run(ask(running, "subscribe", channel="family:f-1", meta=owner))

            member = written_by_connect(owner) and owner.get("family_id") == "f-1" and not owner.get("degraded")
            assert response.status_code == 200
            assert ("result" in response.json()) == bool(member)
            assert member or response.json()["error"]["code"] == 403

        holds()
