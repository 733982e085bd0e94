"""The limit on the depth of a JSON text."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from centrifugo_proxy.protocol.nesting import DEEPEST, is_too_deep
from tests.harness.examples import examples


@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"\\"[":', b"}]"), (b'["]",', b"]"), (b'["\\\\",', b"]")],
)
def test_the_depth_limit_counts_open_arrays_and_objects(opening: bytes, closing: bytes) -> None:
    levels = DEEPEST // (opening.count(b"[", 0, 2) + opening.count(b"{", 0, 2))

    assert not is_too_deep(opening * levels + b"1" + closing * levels)
    assert is_too_deep(opening * (levels + 1) + b"1" + closing * (levels + 1))


@pytest.mark.parametrize(
    "data", [b"[" + b"[]," * 1000 + b"1]", b'"' + b"[" * 1000 + b'"', b'"' + b'\\"{' * 1000 + b'"'], ids=len
)
def test_many_brackets_without_depth_are_accepted(data: bytes) -> None:
    json.loads(data)

    assert not is_too_deep(data)


def depth(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
        case list():
            return 1 + max(map(depth, value), default=0)
    return 0


texts = st.text(alphabet='[]{}"\\a', max_size=5)


@given(
    st.recursive(st.integers() | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner)),
    st.integers(DEEPEST - 5, DEEPEST + 1),
)
@examples(200)
def test_a_value_inside_many_arrays_is_refused_exactly_if_its_depth_exceeds_the_limit(value: Any, around: int) -> None:
    data = b"[" * around + json.dumps(value).encode() + b"]" * around

    assert is_too_deep(data) == (around + depth(value) > DEEPEST)


def seconds(check: Callable[[bytes], object], data: bytes) -> float:
    """The CPU time of the quickest of five runs."""
    runs = []
    for _ in range(5):
        started = time.process_time()
        check(data)
        runs.append(time.process_time() - started)
    return min(runs)


def test_checking_the_depth_of_a_large_answer_takes_less_time_than_parsing_it() -> None:
    """The check runs on the event loop, and a backend's answer may have several megabytes."""
    entry = {"id": 7, "text": "dinner [at seven] is ready", "tags": ["a", "b"], "at": "2026-11-28T10:00:00Z"}
    data = json.dumps([entry] * 10_000).encode()

    assert not is_too_deep(data)
    assert seconds(is_too_deep, data) < seconds(json.loads, data)
