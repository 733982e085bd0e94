"""Whose connection it is: read from the `meta` that connect wrote, and from nothing else."""

from typing import Any

import pytest

from centrifugo_proxy.events.description import describe
from centrifugo_proxy.identity import TIERS, Identity, ParentalState
from centrifugo_proxy.subject import FEATURES, Subject, subject_of

POOL = {"degraded": True, "fallback_path": "pool"}


def identity(**fields: Any) -> Identity:
    return Identity(**{
        "user": "u-1", "family_id": "f-1", "subscription_tier": "pro", "is_admin": False,
        "parental_state": ParentalState(), "expire_at": 0, **fields,
    })  # fmt: skip


def test_the_features_are_those_that_a_parent_can_lock() -> None:
    assert FEATURES == ("chat", "diary", "flowcoach")


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("degraded", [False, True])
@pytest.mark.parametrize("state", [ParentalState(), ParentalState(True, True, True, True), ParentalState(True)])
def test_what_connect_writes_is_read_back(tier: str, degraded: bool, state: ParentalState) -> None:
    meta = describe(identity(subscription_tier=tier, degraded=degraded, parental_state=state, is_admin=True))

    subject = subject_of("u-1", meta)

    locks = frozenset(name for name, on in state._asdict().items() if on)
    assert subject == Subject("u-1", "f-1", tier, is_admin=True, locks=locks, degraded=degraded)


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_is_locked_by_its_own_lock(feature: str) -> None:
    state = ParentalState(**{f"feature_lock_{feature}": True})

    subject = subject_of("u-1", describe(identity(parental_state=state)))

    assert subject is not None
    assert [each for each in FEATURES if subject.locked(each)] == [feature]
    assert not subject.out_of_screen_time()


def test_a_screen_time_lock_is_no_features() -> None:
    subject = subject_of("u-1", describe(identity(parental_state=ParentalState(screen_time_lock=True))))

    assert subject is not None
    assert subject.out_of_screen_time()
    assert not any(subject.locked(feature) for feature in FEATURES)


def test_a_fallback_connection_has_nobodys_rights_and_every_feature_locked() -> None:
    subject = subject_of("fallback:0123456789ab", POOL)

    assert subject == Subject("fallback:0123456789ab", "", "unspecified", is_admin=False, locks=None, degraded=True)
    assert subject.from_pool
    assert all(subject.locked(feature) for feature in FEATURES)


def test_marks_of_the_fallback_outweigh_whatever_stands_beside_them() -> None:
    subject = subject_of("u-1", {**describe(identity(is_admin=True)), **POOL})

    assert subject == Subject("u-1", "", "unspecified", is_admin=False, locks=None, degraded=True)


@pytest.mark.parametrize("user", ["", None])
def test_nobody_is_no_subject(user: Any) -> None:
    assert subject_of(user, describe(identity())) is None
    assert subject_of(user, POOL) is None


def test_what_else_stands_in_meta_is_ignored() -> None:
    meta = describe(identity())

    assert subject_of("u-1", {**meta, "added": [1]}) == subject_of("u-1", meta)
