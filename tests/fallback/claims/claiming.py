"""Claims for tests: a store that is opened as in the service, and an observer that records events."""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fallback.claims.claims import ClaimsNotice, OnError, Result, SharedClaims
from fallback.claims.opening import open_store
from fallback.claims.url import parse_claims_url

POOL = "0123456789abcdef"


def digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()


@dataclass
class Remembered:
    """An `Observer` that records results and notices."""

    results: list[Result] = field(default_factory=list)
    notices: list[ClaimsNotice] = field(default_factory=list)

    def claimed(self, result: Result, seconds: float | None) -> None:
        self.results.append(result)

    def noticed(self, notice: ClaimsNotice) -> None:
        self.notices.append(notice)


@asynccontextmanager
async def claims_in(
    url: str, on_error: OnError = OnError.REFUSE, *, deadline_s: float = 2.0, prefix: str = "test", pool: str = POOL
) -> AsyncIterator[SharedClaims]:
    """The claims of one process, without its background task: the test itself contacts the store."""
    store = open_store(parse_claims_url(url), prefix=prefix, pool=pool, deadline_s=deadline_s)
    claims = SharedClaims(store, on_error, deadline_s, time.monotonic, Remembered())
    try:
        yield claims
    finally:
        await store.close()


def remembered(claims: SharedClaims) -> Remembered:
    assert isinstance(claims.observer, Remembered)
    return claims.observer
