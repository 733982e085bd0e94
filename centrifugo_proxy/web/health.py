"""The body of `GET /health`."""

from typing import Any

from centrifugo_proxy.wiring.runtime import Runtime
from common.timestamps import rfc3339


def describe(runtime: Runtime) -> dict[str, Any]:
    """The body of `GET /health`; `since` is RFC 3339 in UTC, null without a streak of failures."""
    outage = runtime.admission.detector.status(runtime.clock.monotonic())
    pool = runtime.admission.pool
    return {
        "status": "degraded" if outage.degraded else "ok",
        "version": runtime.version,
        "identity_outage": {
            "degraded": outage.degraded,
            "consecutive_failure_count": outage.consecutive_failure_count,
            "since": _since(runtime.clock.time(), outage.duration_s),
        },
        "fallback_pool": {
            "size": len(pool),
            "initial_size": pool.initial_size,
            "status": runtime.admission.pool_status,
            "low_watermark": pool.low_watermark,
        },
    }


def _since(wall_now: float, duration_s: float | None) -> str | None:
    """The start of the streak in wall time. The detector keeps an age, so a stepped clock shifts only this display."""
    if duration_s is None:
        return None
    return rfc3339(wall_now - duration_s)
