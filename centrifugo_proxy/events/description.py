"""Describes the owner of a connection: `meta` for this service, `info` for other clients."""

from typing import Any, Final

from centrifugo_proxy.peers.identity import Identity
from fallback.admission import POOL_MARKS

INFO_FIELDS: Final = ("family_id", "subscription_tier", "is_admin", "parental_state")
ALWAYS_SHOWN: Final = tuple(POOL_MARKS)


def describe(identity: Identity) -> dict[str, Any]:
    """`meta`: all facts about the owner except the user id and the expiry."""
    locks = identity.parental_state
    meta = {
        "family_id": identity.family_id,
        "subscription_tier": identity.subscription_tier,
        "is_admin": identity.is_admin,
        "parental_state": {
            "screen_time_lock": locks.screen_time_lock,
            "feature_lock_chat": locks.feature_lock_chat,
            "feature_lock_diary": locks.feature_lock_diary,
            "feature_lock_flowcoach": locks.feature_lock_flowcoach,
        },
    }
    return {**meta, "degraded": True} if identity.degraded else meta


def public_info(meta: dict[str, Any], info_fields: frozenset[str]) -> dict[str, Any]:
    """`info`: the fields of `meta` that other clients may see. Degraded marks are never left out."""
    if info_fields.issuperset(INFO_FIELDS):
        return meta
    return {name: value for name, value in meta.items() if name in info_fields or name in ALWAYS_SHOWN}
