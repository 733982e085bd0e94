"""The owner of a connection, read from the `meta` of a session event.

The owner is known only if `meta` has one of the two forms that the connect event writes. Other fields are ignored.
"""

from itertools import compress, product
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec.structs import astuple

from centrifugo_proxy.peers.identity import Tier


class _Locks(msgspec.Struct, gc=False):
    """The locks that a parent can turn on. Every field of `ParentalState` is required."""

    screen_time_lock: bool
    feature_lock_chat: bool
    feature_lock_diary: bool
    feature_lock_flowcoach: bool


LOCKS: Final = _Locks.__struct_fields__
LOCKED_BY_STATE: Final = {
    state: frozenset(compress(LOCKS, state)) for state in product((False, True), repeat=len(LOCKS))
}
SCREEN_TIME: Final = "screen_time_lock"
FEATURES: Final = tuple(name.removeprefix("feature_lock_") for name in LOCKS if name.startswith("feature_lock_"))


class Owner(NamedTuple):
    """The owner of a connection. `locks` is None for a connection from the fallback pool, whose locks are unknown."""

    user: str
    family_id: str
    subscription_tier: str
    is_admin: bool
    locks: frozenset[str] | None
    degraded: bool

    @property
    def from_pool(self) -> bool:
        """True if the connection came from the fallback pool and has no real user."""
        return self.locks is None

    def locked(self, feature: str) -> bool:
        """True if the feature is locked, or if its lock is unknown."""
        return self.locks is None or f"feature_lock_{feature}" in self.locks

    def out_of_screen_time(self) -> bool:
        """True if a parent has turned screen_time_lock on."""
        return self.locks is not None and SCREEN_TIME in self.locks


class _Meta(msgspec.Struct, gc=False):
    """The meta that connect writes for a user of identity."""

    family_id: str
    subscription_tier: Tier
    is_admin: bool
    parental_state: _Locks
    degraded: bool = False
    fallback_path: Any = None


class _PoolMarks(msgspec.Struct, gc=False):
    """The meta that connect writes for a connection from the fallback pool."""

    degraded: Literal[True]
    fallback_path: Literal["pool"]


_decode_meta = msgspec.json.Decoder(_Meta).decode
_decode_pool_marks = msgspec.json.Decoder(_PoolMarks).decode


def owner_of(user: str, meta: bytes | msgspec.Raw) -> Owner | None:
    """The owner of a connection of `user` with this `meta`.

    None if `user` is empty, or if `meta` does not have a form that the connect event writes. Fallback marks override
    all other fields. If the marks are malformed, the whole `meta` is refused.
    """
    if not user:
        return None
    try:
        known = _decode_meta(meta)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        known = None
    if known is None or known.fallback_path is not None:
        return _from_pool(user, meta)
    locks = LOCKED_BY_STATE[astuple(known.parental_state)]
    return Owner(user, known.family_id, known.subscription_tier, known.is_admin, locks, known.degraded)


def _from_pool(user: str, meta: bytes | msgspec.Raw) -> Owner | None:
    try:
        _decode_pool_marks(meta)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Owner(user, "", "unspecified", is_admin=False, locks=None, degraded=True)
