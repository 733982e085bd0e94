"""A compact set of SHA-256 digests: each of a million digests takes about 60 bytes; in a set of `bytes`, about 115."""

import threading
from collections.abc import Iterator
from typing import Final

DIGEST_BYTES: Final = 32
PREFIX_BYTES: Final = 2


class DigestSet:
    """Digests, concatenated in up to 65,536 buckets by their first two bytes."""

    __slots__ = ("_buckets", "_lock", "_size")

    def __init__(self) -> None:
        self._buckets: dict[bytes, bytearray] = {}
        self._size = 0
        self._lock = threading.Lock()  # a removal is not atomic

    def __len__(self) -> int:
        return self._size

    def __contains__(self, digest: bytes) -> bool:
        bucket = self._buckets.get(digest[:PREFIX_BYTES])
        return bucket is not None and _position(bucket, digest) >= 0

    def __iter__(self) -> Iterator[bytes]:
        for bucket in self._buckets.values():
            yield from _split(bucket)

    def in_order(self) -> Iterator[bytes]:
        """The digests in ascending order, sorted bucket by bucket."""
        for prefix in sorted(self._buckets):
            yield from sorted(_split(self._buckets[prefix]))

    def add(self, digest: bytes) -> None:
        """Add the digest; duplicates count once."""
        bucket = self._buckets.setdefault(digest[:PREFIX_BYTES], bytearray())
        if _position(bucket, digest) < 0:
            bucket += digest
            self._size += 1

    def remove(self, digest: bytes) -> int | None:
        """Remove the digest. Returns the number of digests left; None if the digest was absent. Thread-safe."""
        with self._lock:
            bucket = self._buckets.get(digest[:PREFIX_BYTES], bytearray())
            start = _position(bucket, digest)
            if start < 0:
                return None
            del bucket[start : start + DIGEST_BYTES]
            self._size -= 1
            return self._size


def _split(bucket: bytearray) -> Iterator[bytes]:
    for start in range(0, len(bucket), DIGEST_BYTES):
        yield bytes(bucket[start : start + DIGEST_BYTES])


def _position(bucket: bytearray, digest: bytes) -> int:
    """The position of the digest in the bucket; -1 if it is absent. A match across two digests does not count."""
    start = bucket.find(digest)
    while start % DIGEST_BYTES and start >= 0:
        start = bucket.find(digest, start + 1)
    return start
