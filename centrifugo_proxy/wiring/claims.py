"""Builds, from the settings, the object that claims fallback tickets. Startup never waits for the store of claims."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from centrifugo_proxy.events.base import Clock
from common.secret_files import read_secret
from fallback.claims.claims import Claims, NoClaims, Observer, OnError, SharedClaims
from fallback.claims.keeper import keeping
from fallback.claims.opening import open_store
from fallback.claims.url import Place, parse_claims_url
from fallback.tickets import LoadedPool, LoadStatus

if TYPE_CHECKING:
    from django.conf import LazySettings


def claims_place(settings: "LazySettings") -> Place | None:
    """The location of the claim store in these settings. None if it is not set. Raises SecretError or BadClaimsUrl."""
    url = read_secret("FALLBACK_CLAIMS_URL", settings.FALLBACK_CLAIMS_URL, settings.FALLBACK_CLAIMS_URL_FILE)
    return parse_claims_url(url.decode(errors="replace")) if url else None


def build_claims(settings: "LazySettings", loaded: LoadedPool, clock: Clock, observer: Observer) -> Claims:
    """Claims in the configured store. If there is no store or no pool, each process keeps its own claims.

    Raises SecretError or BadClaimsUrl.
    """
    place = claims_place(settings)
    if place is None or loaded.status is LoadStatus.DISABLED:
        return NoClaims()
    deadline_s = settings.FALLBACK_CLAIMS_DEADLINE_MS / 1000
    store = open_store(
        place, prefix=settings.FALLBACK_CLAIMS_PREFIX, pool=loaded.pool.claims_key(), deadline_s=deadline_s
    )
    return SharedClaims(store, OnError(settings.FALLBACK_CLAIMS_ON_ERROR), deadline_s, clock.monotonic, observer)


@asynccontextmanager
async def keep_claims(claims: Claims, contacted: Callable[[], None]) -> AsyncIterator[None]:
    """Contact the store of these claims regularly until the context ends. Without a store, do nothing.

    `contacted` is called after each contact.
    """
    if not isinstance(claims, SharedClaims):
        yield
        return
    async with keeping(claims, contacted):
        yield
