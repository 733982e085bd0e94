"""The fleet as rows of text, for a table on a terminal and for plain lines."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from centrifugo_proxy.fleet.pod import Outage, Pod
from centrifugo_proxy.fleet.report import Fleet
from fallback.pool_health import PoolHealth
from fallback.tickets import LoadStatus

HEAD: Final = ("pod", "version", "ready", "outage", "tickets", "connects/s", "empty in")
UNKNOWN: Final = "?"
NONE: Final = "-"


def rows(fleet: Fleet) -> Iterator[tuple[str, ...]]:
    """One row per pod, then a row of sums if there are several pods."""
    for pod in fleet.pods:
        yield _row(fleet, pod)
    if len(fleet.pods) > 1:
        answered = sum(pod.answered for pod in fleet.pods)
        left = UNKNOWN if fleet.tickets is None else str(fleet.tickets)
        yield "sum", f"{answered} answered", "", "", left, _connects(_total(fleet)), ""


def _row(fleet: Fleet, pod: Pod) -> tuple[str, ...]:
    if pod.health is None:
        return pod.name, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN
    return (
        pod.name,
        pod.health.version,
        {True: "yes", False: "NO"}.get(pod.ready, UNKNOWN) if pod.ready is not None else UNKNOWN,
        outage_cell(pod.health.identity_outage),
        _tickets(pod.health.fallback_pool),
        _connects(pod.connects_per_s),
        duration(fleet.empty_in_s(pod)),
    )


def outage_cell(outage: Outage) -> str:
    """The state of the outage, with its start (UTC) if clients are degraded."""
    if outage.recovering:
        return "recovering"
    if outage.degraded:
        return f"since {_time_of_day(outage.since)}"
    return f"failing ({outage.consecutive_failure_count})" if outage.consecutive_failure_count else "no"


def _time_of_day(since: str | None) -> str:
    try:
        return datetime.fromisoformat(since or "").strftime("%H:%M:%SZ")
    except ValueError:
        return UNKNOWN


def _tickets(pool: PoolHealth) -> str:
    if pool.status is LoadStatus.DISABLED:
        return "no pool"
    if pool.status is not LoadStatus.LOADED:
        return pool.status
    low = " LOW" if pool.size < pool.low_watermark else ""
    down = " CLAIMS DOWN" if pool.claims_down else ""
    return f"{pool.size}/{pool.initial_size}{low}{down}"


def _connects(rates: dict[str, float] | None) -> str:
    """The outcomes that occur, the most frequent first."""
    if rates is None:
        return UNKNOWN
    seen = sorted(((rate, outcome) for outcome, rate in rates.items() if rate), reverse=True)
    return ", ".join(f"{rate:.1f} {outcome}" for rate, outcome in seen) or "0"


def _total(fleet: Fleet) -> dict[str, float] | None:
    known = [pod.connects_per_s for pod in fleet.pods if pod.connects_per_s is not None]
    outcomes = {outcome for each in known for outcome in each}
    return {outcome: sum(each.get(outcome, 0.0) for each in known) for outcome in outcomes} if known else None


def duration(seconds: float | None) -> str:
    """A duration in at most two units: 45 s, 4 min 10 s, 3 h 5 min."""
    if seconds is None:
        return NONE
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def errors(fleet: Fleet) -> Iterator[str]:
    """One line with the reason for each pod that answered only in part or not at all."""
    return (f"{pod.name}: {pod.error}" for pod in fleet.pods if pod.error)


def plain(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """Aligned columns, two spaces apart."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
