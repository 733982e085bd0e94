"""Computes the figures of a storm from its samples, and compares them with the targets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final, NamedTuple, Protocol

from bench.parts.figures import spread
from bench.parts.run_queue import RunQueue, waiting_share, worst_waiting_share

ALL_IN_S: Final = 60.0
FIRST_CLIENTS: Final = 6000
FOR_EACH_MORE_S: Final = 0.01
MOST_CALLS: Final = 1.3
HEALTH_S: Final = 0.5


class Clients(Protocol):
    """The clients after their storm."""

    in_after: dict[int, float]
    ends: Counter[str]
    attempts: int
    lost: int
    dropped_at_end: int


class Figures(NamedTuple):
    """The figures of a storm. Figures whose names end in `_s` are in seconds. Triples are p50, p99 and maximum.

    `ends` counts attempts by their results. `limits` has pairs: the number of seconds since sampling began, and the
    limit of requests in flight at that time. `waiting_share` is the time in which the service waited for a core, as a
    share of the time in which it had work. Its two numbers are for the whole storm, and for the worst second.
    """

    clients: int
    connected: int
    lost: int
    dropped: int
    half_in_s: float
    most_in_s: float
    all_in_s: float
    attempts_each: float
    calls_each: float
    shed: int
    gone: int
    ends: dict[str, int]
    cpu_s: dict[str, float]
    live_s: tuple[float, float, float]
    ready_s: tuple[float, float, float]
    probes: int
    probes_refused: int
    lag_s: tuple[float, float, float]
    waiting_share: tuple[float, float]
    limits: list[tuple[float, float]]


def growth(samples: Sequence[float]) -> int:
    """The total growth of a counter that starts at 0. The counter may be reset to 0 between samples."""
    grown = 0.0
    for before, after in zip((0.0, *samples), samples, strict=False):
        grown += after - before if after >= before else after
    return int(grown)


def after_share(in_after: Sequence[float], clients: int, share: float) -> float:
    """The number of seconds until this share of all clients was connected; infinite if it was never reached."""
    needed = ceil(clients * share)
    return sorted(in_after)[needed - 1] if len(in_after) >= needed else float("inf")


def figures(
    clients: int,
    crowd: Clients,
    *,
    calls: int,
    cpu_s: dict[str, float],
    queue: Sequence[RunQueue],
    samples: Mapping[str, Any],
) -> Figures:
    """The figures of a storm of `clients` clients, in which identity was called `calls` times."""
    metrics, times = samples["metrics"], list(crowd.in_after.values())
    probes = samples["probes"]
    return Figures(
        clients=clients,
        connected=len(times),
        lost=crowd.lost,
        dropped=crowd.dropped_at_end,
        half_in_s=after_share(times, clients, 0.5),
        most_in_s=after_share(times, clients, 0.95),
        all_in_s=after_share(times, clients, 1.0),
        attempts_each=crowd.attempts / clients,
        calls_each=calls / clients,
        shed=growth([each["shed"] for each in metrics]),
        gone=growth([each["gone"] for each in metrics]),
        ends=dict(crowd.ends.most_common()),
        cpu_s=cpu_s,
        live_s=spread(probes["/health/live"]),
        ready_s=spread(probes["/health/ready"]),
        probes=sum(map(len, probes.values())),
        probes_refused=samples["refused"],
        lag_s=spread([each["lag_s"] for each in metrics]),
        waiting_share=(waiting_share(queue), worst_waiting_share(queue)),
        limits=[(each["after_s"], each["limit"]) for each in metrics],
    )


def missed(found: Figures) -> dict[str, bool]:
    """The targets, each described by a text. The value is True if the target is missed."""
    all_in_s = ALL_IN_S + FOR_EACH_MORE_S * max(0, found.clients - FIRST_CLIENTS)
    slowest = max(found.live_s[1], found.ready_s[1])
    return {
        f"all clients connected within {all_in_s:.0f} s: {found.all_in_s:.1f} s": found.all_in_s > all_in_s,
        f"calls to identity per client at most {MOST_CALLS}: {found.calls_each:.2f}": found.calls_each > MOST_CALLS,
        f"no client lost: {found.lost + found.dropped}": found.lost + found.dropped > 0,
        f"health within {HEALTH_S * 1000:.0f} ms at p99: {slowest * 1000:.0f} ms": slowest > HEALTH_S,
    }


def table(found: Figures) -> str:
    """The figures in lines of text."""
    limits = [limit for _, limit in found.limits] or [0.0]
    during = [each for each in found.limits if each[0] < found.all_in_s + 2] or found.limits
    steps = during[:: max(1, len(during) // 16)]
    lines = [
        f"{found.connected} of {found.clients} connected: 50 % after {found.half_in_s:.1f} s, "
        f"95 % after {found.most_in_s:.1f} s, all after {found.all_in_s:.1f} s",
        f"per client: {found.calls_each:.2f} calls to identity, {found.attempts_each:.1f} attempts; "
        f"the service refused {found.shed} requests; the callers of {found.gone} requests hung up",
        f"attempts by result: {', '.join(f'{name} {number}' for name, number in found.ends.items())}",
        f"seconds of CPU since the start: {', '.join(f'{name} {used:.1f}' for name, used in found.cpu_s.items())}",
        f"/health/live  p50 {_ms(found.live_s[0])}, p99 {_ms(found.live_s[1])}, max {_ms(found.live_s[2])}",
        f"/health/ready p50 {_ms(found.ready_s[0])}, p99 {_ms(found.ready_s[1])}, max {_ms(found.ready_s[2])} "
        f"({found.probes} probes, {found.probes_refused} refused)",
        f"event loop's lag p50 {_ms(found.lag_s[0])}, p99 {_ms(found.lag_s[1])}, max {_ms(found.lag_s[2])}",
        f"the service waited for a core for {found.waiting_share[0]:.0%} of the time in which it had work; "
        f"in the worst second for {found.waiting_share[1]:.0%}",
        f"limit {min(limits):.0f} to {max(limits):.0f}: "
        + ", ".join(f"{limit:.0f} at {second:.0f} s" for second, limit in steps),
        *(f"{'MISSED' if bad else 'ok    '}  {sentence}" for sentence, bad in missed(found).items()),
    ]
    return "\n".join(lines) + "\n"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
