"""Answers of simulated pods."""

from typing import Any

from centrifugo_proxy.fleet.pod import Pod, read_health


def health_body(
    *,
    size: int = 7,
    pool_status: str = "loaded",
    degraded: bool = False,
    claims: dict[str, Any] | None = None,
    **outage: Any,
) -> dict[str, Any]:
    """A body of /health: `size` of nine tickets are left, and the low watermark is five.

    `outage` sets fields of `identity_outage`.
    """
    pool: dict[str, Any] = {"size": size, "initial_size": 9, "status": pool_status, "low_watermark": 5}
    return {
        "status": "degraded" if degraded else "ok",
        "version": "1.2.3",
        "identity_outage": {"degraded": degraded, "consecutive_failure_count": int(degraded), "since": None, **outage},
        "fallback_pool": pool if claims is None else {**pool, "claims": claims},
    }


def a_pod(url: str = "http://10.0.0.1:9730", *, ready: bool = True, consumed_per_s: float = 0.0, **health: Any) -> Pod:
    """A pod that accepts `consumed_per_s` connections per second with pool tickets. `health_body` gets `health`."""
    rates = {"success": 1.0, "fallback_pool_consumed": consumed_per_s}
    return Pod(url, health=read_health(health_body(**health)), ready=ready, connects_per_s=rates)


def silent_pod(url: str = "http://10.0.0.2:9730", *, resolved: bool = True) -> Pod:
    """A pod that does not answer."""
    return Pod(url, "no answer", resolved=resolved)
