"""Timestamps for logs, health and reports."""

from datetime import UTC, datetime


def rfc3339(unix_s: float) -> str:
    """RFC 3339 in UTC with milliseconds, such as 2030-01-01T00:00:00.000Z; `unix_s` is Unix time in seconds."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
