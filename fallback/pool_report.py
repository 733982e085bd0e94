"""Reports the state of a fallback pool in the form of a monitoring plugin. A report never contains a ticket."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from common.counted import counted
from common.exit_codes import PluginState
from common.printable import printable
from fallback.pool_health import ClaimsHealth, PoolHealth, read_pool
from fallback.tickets import LoadedPool, LoadStatus


class PoolReport(NamedTuple):
    """The state of a pool in a file or in a live process. None means unknown.

    `tickets` is the number of tickets left, `initial_tickets` is the number at the start. `location` is a path or a
    URL. Only a live process has `claims`.
    """

    state: PluginState
    source: str
    location: str
    status: LoadStatus | None = None
    tickets: int | None = None
    initial_tickets: int | None = None
    duplicates: int | None = None
    low_watermark: int | None = None
    file_mode: int | None = None
    claims: ClaimsHealth | None = None
    detail: str = ""


def of_file(path: str, loaded: LoadedPool, file_mode: int | None) -> PoolReport:
    """The report on a pool file that has just been loaded."""
    size = loaded.pool.initial_size
    return PoolReport(
        judge(loaded.status, size, loaded.pool.low_watermark),
        "file",
        path,
        loaded.status,
        size,
        size,
        loaded.duplicates,
        loaded.pool.low_watermark,
        file_mode,
        detail=loaded.detail,
    )


def of_health(url: str, body: Any) -> PoolReport:
    """The report on a live process, from its health body. Raises ValueError for another body."""
    pool = read_pool(body)
    return PoolReport(
        max(judge(pool.status, pool.size, pool.low_watermark), _of_claims(pool)),
        "live",
        url,
        pool.status,
        pool.size,
        pool.initial_size,
        low_watermark=pool.low_watermark,
        claims=pool.claims,
    )


def of_no_path() -> PoolReport:
    """The report for an empty --path, for example from an unset variable in a script."""
    return PoolReport(PluginState.UNKNOWN, "file", "", detail="--path is empty; give the path of a pool file.")


def of_failed_query(url: str, problem: str) -> PoolReport:
    """The report on a live process that gave no usable answer."""
    return PoolReport(PluginState.UNKNOWN, "live", url, detail=problem)


def judge(status: LoadStatus, tickets: int, low_watermark: int) -> PluginState:
    """The state of a pool with this many tickets left. A used-up pool is as critical as an empty file."""
    if status is LoadStatus.DISABLED:
        return PluginState.OK
    if status is not LoadStatus.LOADED or tickets == 0:
        return PluginState.CRITICAL
    return PluginState.OK if tickets >= low_watermark else PluginState.WARNING


def _of_claims(pool: PoolHealth) -> PluginState:
    """The state of the store of claims. A process without a pool needs no store."""
    if pool.status is not LoadStatus.LOADED or not pool.claims_down:
        return PluginState.OK
    return PluginState.CRITICAL if pool.accepts_none else PluginState.WARNING


def as_json(report: PoolReport) -> dict[str, Any]:
    """The documented shape of --json: always the same fields; an unknown value is null."""
    return report._asdict() | {
        "state": report.state.name.lower(),
        "file_mode": _octal(report.file_mode),
        "claims": report.claims and report.claims._asdict(),
    }


def as_lines(report: PoolReport) -> Iterator[str]:
    """Lines for people: the verdict, then one fact per line."""
    yield f"FALLBACK POOL {report.state.name}: {verdict(report)}"
    facts = {
        "status": report.status,
        "tickets": report.tickets,
        "initial tickets": report.initial_tickets if report.source == "live" else None,
        "duplicates": report.duplicates,
        "low watermark": report.low_watermark,
        "claims": _claims(report.claims),
        "file mode": _octal(report.file_mode),
        report.source: printable(report.location) or None,
    }
    for name, value in facts.items():
        if value is not None:
            yield f"  {name}: {value}"


def verdict(report: PoolReport) -> str:
    """The meaning of the state, in one sentence."""
    match report:
        case PoolReport(status=None):
            return report.detail
        case PoolReport(status=LoadStatus.DISABLED):
            return (
                "no pool is configured (FALLBACK_TICKETS_PATH is empty); no client can connect while identity is down."
            )
        case PoolReport(status=LoadStatus.LOADED, tickets=0):
            return "every ticket is used up; mint a new pool and roll it out."
        case PoolReport(status=LoadStatus.LOADED, claims=ClaimsHealth(refuses=True)):
            return (
                "the store of claims does not answer, and FALLBACK_CLAIMS_ON_ERROR is refuse: no client can connect "
                "while identity is down; bring the store back."
            )
        case PoolReport(status=LoadStatus.LOADED):
            return f"{counted(report.tickets or 0, 'ticket')}{''.join(_remarks(report))}."
        case _:
            because = f" ({report.detail})" if report.detail else ""
            return f"the pool is {report.status}{because}; no client can connect while identity is down."


def _remarks(report: PoolReport) -> Iterator[str]:
    """What is wrong with a pool that has tickets."""
    if report.file_mode and report.file_mode & 0o004:
        yield ", in a file that every user of this machine can read"
    if (report.tickets or 0) < (report.low_watermark or 0):
        yield ", below the low watermark; mint a new pool and roll it out"
    if report.claims is not None and report.claims.up is False:
        yield "; the store of claims does not answer, so another process may accept the same ticket"


def _claims(claims: ClaimsHealth | None) -> str | None:
    if claims is None or claims.up is None:
        return None
    return f"{claims.store}, {'up' if claims.up else f'down ({claims.on_error} on errors)'}"


def _octal(file_mode: int | None) -> str | None:
    return None if file_mode is None else f"{file_mode:04o}"
