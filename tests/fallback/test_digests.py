"""The compact set of digests behaves like a set, even with several threads."""

import hashlib
import threading

from hypothesis import given
from hypothesis import strategies as st

from fallback.digests import DigestSet

# Digests of few different bytes: some share a bucket, and some equal the end of one digest and the start of the next.
digests = st.lists(st.sampled_from(b"ab"), min_size=32, max_size=32).map(bytes) | st.sampled_from(
    [b"a" * 32, b"b" * 32, b"a" * 31 + b"b", b"ab" * 16, b"ba" * 16]
)


@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), digests), max_size=60))
def test_the_digests_behave_like_a_set(steps: list[tuple[str, bytes]]) -> None:
    compact, model = DigestSet(), set[bytes]()

    for step, digest in steps:
        if step == "add":
            compact.add(digest)
            model.add(digest)
        else:
            expected = len(model) - 1 if digest in model else None
            assert compact.remove(digest) == expected
            model.discard(digest)
        assert set(compact) == model
        assert list(compact.in_order()) == sorted(model)
        assert len(compact) == len(model)
        assert (digest in compact) is (digest in model)


def test_if_many_threads_remove_the_same_digest_exactly_one_succeeds() -> None:
    each = [hashlib.sha256(str(number).encode()).digest() for number in range(2000)]
    compact = DigestSet()
    for digest in each:
        compact.add(digest)
    removed: list[int] = []

    def remove_all() -> None:
        removed.extend(left for digest in each if (left := compact.remove(digest)) is not None)

    threads = [threading.Thread(target=remove_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(removed) == list(range(2000))
