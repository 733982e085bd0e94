"""The combined state of a fleet: its severity, the tickets left, and the time until they run out."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from centrifugo_proxy.fleet.pod import CONSUMED, Health, Pod
from common.exit_codes import PluginState
from fallback.pool_report import judge
from fallback.tickets import LoadStatus

NO_HEALTH: Final = {"version": None, "status": None, "identity_outage": None, "fallback_pool": None}


class Fleet(NamedTuple):
    """The pods of one round, including pods whose host name did not resolve."""

    pods: tuple[Pod, ...]

    @property
    def state(self) -> PluginState:
        """UNKNOWN if no pod could be queried, CRITICAL if no pod answered, otherwise the state of the worst pod."""
        if not any(pod.resolved for pod in self.pods):
            return PluginState.UNKNOWN
        if not any(pod.answered for pod in self.pods):
            return PluginState.CRITICAL
        return max(state_of(pod) for pod in self.pods)

    @property
    def tickets(self) -> int | None:
        """Tickets left in the fleet. Tickets that pods share count once. None if no pod answered."""
        groups = self._groups()
        return sum(_left(group) for group in groups) if groups else None

    def empty_in_s(self, pod: Pod) -> float | None:
        """Seconds until this pod runs out of tickets at the current rate. 0 if its pool was loaded and is now empty.

        None if the rate is zero or unknown. Pods that share claims use up the same tickets.
        """
        if _is_used_up(pod):
            return 0.0
        group = next((group for group in self._groups() if pod in group), [])
        rate = sum((member.connects_per_s or {}).get(CONSUMED, 0.0) for member in group)
        return round(_left(group) / rate, 1) if rate else None

    def _groups(self) -> list[list[Pod]]:
        groups: dict[tuple[str, ...], list[Pod]] = {}
        for pod in self.pods:
            if pod.health is not None:
                groups.setdefault(_shared_by(pod, pod.health), []).append(pod)
        return list(groups.values())


def _shared_by(pod: Pod, health: Health) -> tuple[str, ...]:
    """A key that is equal for pods that use up the same tickets. Only processes on one machine can share a file."""
    claims = health.fallback_pool.claims
    match claims.store if claims else "none":
        case "redis":
            return ("redis",)
        case "file":
            return ("file", pod.name.rpartition(":")[0])
        case _:
            return ("process", pod.url)


def _is_used_up(pod: Pod) -> bool:
    pool = pod.health.fallback_pool if pod.health else None
    return pool is not None and pool.size == 0 and pool.status is LoadStatus.LOADED


def _left(group: Iterable[Pod]) -> int:
    return max((pod.health.fallback_pool.size for pod in group if pod.health is not None), default=0)


def state_of(pod: Pod) -> PluginState:
    """The state of one pod, if at least one pod of the fleet has answered.

    CRITICAL if the pod is in an outage and accepts no ticket, because it then refuses all connects. WARNING for a pod
    that has not answered.
    """
    if pod.health is None:
        return PluginState.WARNING
    outage, pool = pod.health.identity_outage, pod.health.fallback_pool
    if outage.degraded and pool.accepts_none:
        return PluginState.CRITICAL
    well = pod.ready is True and not outage.degraded and not outage.recovering and not pool.claims_down
    return (
        PluginState.OK
        if well and judge(pool.status, pool.size, pool.low_watermark) is PluginState.OK
        else PluginState.WARNING
    )


def as_json(fleet: Fleet) -> dict[str, Any]:
    """The documented object of --json. It always has the same fields. A value is null if it is unknown."""
    return {
        "state": fleet.state.name.lower(),
        "pods": [_pod_json(fleet, pod) for pod in fleet.pods],
        "sum": {
            "pods": len(fleet.pods),
            "answered": sum(pod.answered for pod in fleet.pods),
            "tickets": fleet.tickets,
        },
    }


def _pod_json(fleet: Fleet, pod: Pod) -> dict[str, Any]:
    return {
        "url": pod.url,
        "answered": pod.answered,
        "error": pod.error,
        **(NO_HEALTH if pod.health is None else _health_json(pod.health)),
        "ready": pod.ready,
        "connects_per_s": pod.connects_per_s,
        "empty_in_s": fleet.empty_in_s(pod),
    }


def _health_json(health: Health) -> dict[str, Any]:
    pool = health.fallback_pool
    return {
        "version": health.version,
        "status": health.status,
        "identity_outage": health.identity_outage._asdict(),
        "fallback_pool": {
            **pool._asdict(),
            "status": pool.status.value,
            "claims": None if pool.claims is None else pool.claims._asdict(),
        },
    }


def verdict(fleet: Fleet) -> str:
    """The state in one sentence: how many pods answer, and how many pods have each problem."""
    answered = [pod.health for pod in fleet.pods if pod.health is not None]
    wrong = {
        "not ready": sum(pod.answered and pod.ready is not True for pod in fleet.pods),
        "in an outage": sum(health.identity_outage.degraded for health in answered),
        "recovering": sum(bool(health.identity_outage.recovering) for health in answered),
        "short of tickets": sum(_short(health) for health in answered),
        "with claims down": sum(health.fallback_pool.claims_down for health in answered),
    }
    facts = [f"{count} {what}" for what, count in wrong.items() if count]
    return f"PODS {fleet.state.name}: " + ", ".join([_answers(len(answered), len(fleet.pods)), *facts]) + "."


def _answers(answered: int, pods: int) -> str:
    return f"{answered} of {pods} pod{'' if pods == 1 else 's'} answer{'s' if answered == 1 else ''}"


def _short(health: Health) -> bool:
    pool = health.fallback_pool
    return judge(pool.status, pool.size, pool.low_watermark) is not PluginState.OK
