"""Whose connection it is, as the later events are told by `meta`: strict, for what is not understood is refused."""

from itertools import compress
from typing import Any, Final, NamedTuple

from centrifugo_proxy.identity import TIERS, ParentalState

NO_LOCKS: Final[frozenset[str]] = frozenset()
SCREEN_TIME: Final = "screen_time_lock"
FEATURES: Final = tuple(
    name.removeprefix("feature_lock_") for name in ParentalState._fields if name.startswith("feature_lock_")
)


class Subject(NamedTuple):
    """The owner of a connection. `locks` is None when nobody knows: a connection from the fallback pool."""

    user: str
    family_id: str
    subscription_tier: str
    is_admin: bool
    locks: frozenset[str] | None
    degraded: bool

    @property
    def from_pool(self) -> bool:
        """Whether the connection was let in on a fallback ticket, and has no real user."""
        return self.locks is None

    def locked(self, feature: str) -> bool:
        """Whether this feature is locked, or may be for all that is known."""
        return self.locks is None or f"feature_lock_{feature}" in self.locks

    def out_of_screen_time(self) -> bool:
        """Whether a parent has locked the screen."""
        return self.locks is not None and SCREEN_TIME in self.locks


def subject_of(user: str, meta: Any) -> Subject | None:
    """The subject of `user` with this `meta`, as the connect event wrote it; None for anything else."""
    if not user or not isinstance(meta, dict):
        return None
    degraded = meta.get("degraded", False)
    if degraded is True and meta.get("fallback_path") == "pool":
        return Subject(user, "", "unspecified", is_admin=False, locks=None, degraded=True)
    family_id, tier, is_admin = meta.get("family_id"), meta.get("subscription_tier"), meta.get("is_admin")
    locks = _locks(meta.get("parental_state"))
    if not isinstance(family_id, str) or not isinstance(tier, str) or tier not in TIERS:
        return None
    if not isinstance(is_admin, bool) or not isinstance(degraded, bool) or locks is None:
        return None
    return Subject(user, family_id, tier, is_admin, locks, degraded)


def _locks(state: Any) -> frozenset[str] | None:
    """The names of the locks that are on; None unless each lock is there and is a truth value."""
    if not isinstance(state, dict):
        return None
    values = [state.get(name) for name in ParentalState._fields]
    if {type(value) for value in values} != {bool}:
        return None
    return frozenset(compress(ParentalState._fields, values)) if True in values else NO_LOCKS
