"""Parsing Go's durations."""

from typing import Any

import pytest

from centrifugo_proxy.server_config.durations import milliseconds


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("1.5s", 1500),
        ("900ms", 900),
        ("1m30s", 90_000),
        ("1h2m3.5s", 3_723_500),
        ("2500000us", 2500),
        ("2500000µs", 2500),
        (".5s", 500),
        ("1.s", 1000),
        ("-3s", -3000),
        ("+3s", 3000),
        ("0", 0),
        (3_000_000_000, 3000),
        (2.5e9, 2500),
    ],
)
def test_a_duration_is_read_like_in_go(written: Any, ms: int) -> None:
    assert milliseconds(written) == ms


@pytest.mark.parametrize("written", ["", "3", "3 s", "3sec", "s", ".s", "1d", "١s", "--3s", True, None, ["3s"]])
def test_a_duration_that_go_refuses_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        milliseconds(written)
