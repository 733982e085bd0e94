"""The body of `GET /health`."""

from typing import TYPE_CHECKING, Any, Final

from centrifugo_proxy.wiring.runtime import Runtime
from common.timestamps import rfc3339
from fallback.tickets import LoadStatus

SOUND_POOLS: Final = frozenset({LoadStatus.LOADED, LoadStatus.DISABLED})

if TYPE_CHECKING:
    from centrifugo_proxy.peers.spiffe.workload_api import SvidSource


def describe(runtime: Runtime) -> dict[str, Any]:
    """The body of `GET /health`. `since` is RFC 3339 in UTC. It is null if there is no streak of failures."""
    outage = runtime.admission.detector.status(runtime.clock.monotonic())
    pool, pool_status = runtime.admission.pool, runtime.admission.pool_status
    spiffe = {} if runtime.workload_identity is None else {"spiffe": _workload_identity(runtime.workload_identity)}
    return {
        "status": "degraded" if outage.degraded or pool_status not in SOUND_POOLS else "ok",
        "version": runtime.version,
        "identity_outage": {
            "degraded": outage.degraded,
            "consecutive_failure_count": outage.consecutive_failure_count,
            "since": _since(runtime.clock.time(), outage.duration_s),
            "recovering": outage.recovering,
            "last_failure_age_s": _rounded(outage.last_failure_age_s),
            "last_answer_age_s": _rounded(outage.last_answer_age_s),
        },
        "fallback_pool": {
            "size": runtime.admission.tickets_left,
            "initial_size": pool.initial_size,
            "status": pool_status,
            "low_watermark": pool.low_watermark,
            "claims": runtime.admission.claims.state()._asdict(),
        },
        **spiffe,
    }


def _workload_identity(source: "SvidSource") -> dict[str, Any]:
    """Our SPIFFE identity. `id` and `expires` are null before the first SVID."""
    svid = source.svid
    return {
        "id": None if svid is None else svid.id,
        "expires": None if svid is None else rfc3339(svid.not_after),
        "agent": "connected" if source.connected else "unreachable",
        "rotations": max(source.generation - 1, 0),
    }


def _since(wall_now: float, duration_s: float | None) -> str | None:
    """The start of the streak of failures in wall time.

    It is computed from the age of the streak. So if the wall clock is adjusted, only this field changes.
    """
    if duration_s is None:
        return None
    return rfc3339(wall_now - duration_s)


def _rounded(age_s: float | None) -> float | None:
    return None if age_s is None else round(age_s, 3)
