"""Opens the configured store. The store's library is imported only if needed: redis-py takes nine MiB of memory."""

import secrets

from fallback.claims.store import ClaimStore
from fallback.claims.url import Folder, Place

HOLDER_BYTES = 8


def open_store(place: Place, *, prefix: str, pool: str, deadline_s: float) -> ClaimStore:
    """A store for this process and this pool. Does not connect yet: startup never waits for a store."""
    holder = secrets.token_hex(HOLDER_BYTES)
    if isinstance(place, Folder):
        from fallback.claims.sqlite_store import SqliteStore  # noqa: PLC0415

        return SqliteStore(place.path, pool=pool, holder=holder, deadline_s=deadline_s)
    from fallback.claims.redis_store import RedisStore, open_clients  # noqa: PLC0415

    return RedisStore(open_clients(place, deadline_s), prefix=prefix, pool=pool, holder=holder)
