"""The owner of a connection: the user of the request, and the `meta` that connect wrote."""

from typing import Any

import pytest

from centrifugo_proxy.events.description import describe
from centrifugo_proxy.peers.identity import TIERS, Identity, ParentalState
from centrifugo_proxy.policy.owner import FEATURES, LOCKS, Owner, owner_of
from tests.harness.bodies import POOL_MARKS
from tests.http.session_events.asking import owner_by


def identity(**fields: Any) -> Identity:
    return Identity(**{
        "user": "u-1", "family_id": "f-1", "subscription_tier": "pro", "is_admin": False,
        "parental_state": ParentalState(), "expire_at": 0, **fields,
    })  # fmt: skip


def test_the_features_of_a_policy_are_those_that_a_parent_can_lock() -> None:
    assert FEATURES == ("chat", "diary", "flowcoach")


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("degraded", [False, True])
@pytest.mark.parametrize("state", [ParentalState(), ParentalState(True, True, True, True), ParentalState(True)])
def test_the_owner_is_read_from_the_meta_that_connect_writes(tier: str, degraded: bool, state: ParentalState) -> None:
    meta = describe(identity(subscription_tier=tier, degraded=degraded, parental_state=state, is_admin=True))

    owner = owner_by(meta)

    locks = frozenset(name for name, on in state._asdict().items() if on)
    assert owner == Owner("u-1", "f-1", tier, is_admin=True, locks=locks, degraded=degraded)


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_locked_only_by_its_own_lock(feature: str) -> None:
    state = ParentalState(**{f"feature_lock_{feature}": True})

    owner = owner_by(describe(identity(parental_state=state)))

    assert owner is not None
    assert [each for each in FEATURES if owner.locked(each)] == [feature]
    assert not owner.out_of_screen_time()


def test_a_screen_time_lock_locks_no_feature() -> None:
    owner = owner_by(describe(identity(parental_state=ParentalState(screen_time_lock=True))))

    assert owner is not None
    assert owner.out_of_screen_time()
    assert not any(owner.locked(feature) for feature in FEATURES)


def test_a_fallback_connection_has_no_family_and_every_feature_locked() -> None:
    owner = owner_by(POOL_MARKS, "fallback:0123456789ab")

    assert owner == Owner("fallback:0123456789ab", "", "unspecified", is_admin=False, locks=None, degraded=True)
    assert owner.from_pool
    assert all(owner.locked(feature) for feature in FEATURES)


def test_fallback_marks_override_all_other_fields() -> None:
    owner = owner_by({**describe(identity(is_admin=True)), **POOL_MARKS})

    assert owner == Owner("u-1", "", "unspecified", is_admin=False, locks=None, degraded=True)


@pytest.mark.parametrize("user", ["", None])
def test_a_connection_without_a_user_has_no_owner(user: Any) -> None:
    assert owner_by(describe(identity()), user) is None
    assert owner_by(POOL_MARKS, user) is None


def test_other_fields_of_meta_are_ignored() -> None:
    meta = describe(identity())

    assert owner_by({**meta, "added": [1]}) == owner_by(meta)


@pytest.mark.parametrize("meta", [b"", b"null", b"{", b'{"else":' * 100_000, b"\xff"])
def test_a_connection_whose_meta_is_not_an_object_has_no_owner(meta: bytes) -> None:
    assert owner_of("u-1", meta) is None


def test_the_locks_of_a_policy_are_those_that_identity_sends() -> None:
    assert ParentalState._fields == LOCKS
