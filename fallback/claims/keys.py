"""The keys under which claims are stored. They reveal neither a ticket nor its digest."""

import hashlib
from collections.abc import Iterable
from typing import Final

DOMAIN: Final = b"fallback-claim\0"
TICKET_KEY_DIGITS: Final = 32
POOL_KEY_DIGITS: Final = 16


def ticket_key(digest: bytes) -> str:
    """32 hex digits for the SHA-256 of a ticket, hashed again because logs and user ids show a part of the digest."""
    return hashlib.sha256(DOMAIN + digest).hexdigest()[:TICKET_KEY_DIGITS]


def pool_key(digests: Iterable[bytes]) -> str:
    """16 hex digits for a pool, from its tickets' digests in ascending order."""
    joined = hashlib.sha256()
    for digest in digests:
        joined.update(digest)
    return joined.hexdigest()[:POOL_KEY_DIGITS]
