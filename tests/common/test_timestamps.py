"""Timestamps as RFC 3339."""

from common.timestamps import rfc3339


def test_a_timestamp_has_milliseconds_and_ends_with_z() -> None:
    assert rfc3339(1893456000.1239) == "2030-01-01T00:00:00.123Z"
