"""System checks of the fallback settings: one builder function per message. Ids are never reused."""

import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from common.counted import counted
from common.safe_path import safe_path
from fallback.claims.url import ACCEPTED
from fallback.loaded import loaded_pool
from fallback.tickets import LoadStatus

TTL_RANGE_S = range(60, 3601)


@register("fallback")
def check_fallback(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the fallback settings fit together and that the pool file is usable.

    If no pool is configured, nothing is checked: leftover values must not stop a service that uses no pool.
    """
    return list(_findings()) if settings.FALLBACK_TICKETS_PATH else []


def _findings() -> Iterator[CheckMessage]:
    if settings.FALLBACK_DEGRADED_WINDOW_MS == 0:
        yield window_zero()
    elif settings.FALLBACK_DEGRADED_WINDOW_MS < settings.IDENTITY_VALIDATE_DEADLINE_MS:
        yield window_below_deadline(settings.FALLBACK_DEGRADED_WINDOW_MS, settings.IDENTITY_VALIDATE_DEADLINE_MS)
    if settings.FALLBACK_CONNECT_TTL_S not in TTL_RANGE_S:
        yield ttl_out_of_range(settings.FALLBACK_CONNECT_TTL_S)
    loaded = loaded_pool()
    if loaded.status is not LoadStatus.LOADED:
        yield pool_not_loaded(settings.FALLBACK_TICKETS_PATH, loaded.status, loaded.detail)
    elif loaded.pool.initial_size < settings.FALLBACK_LOW_WATERMARK:
        yield below_watermark(loaded.pool.initial_size, settings.FALLBACK_LOW_WATERMARK)
    if (mode := file_mode(settings.FALLBACK_TICKETS_PATH)) is not None and mode & stat.S_IROTH:
        yield readable_by_others(settings.FALLBACK_TICKETS_PATH, mode)


def file_mode(path: str) -> int | None:
    """The permission bits of the file, None if it cannot be inspected."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return None


def window_zero() -> Error:
    return Error(
        "FALLBACK_DEGRADED_WINDOW_MS is 0 and a fallback pool is set: two failed calls open the pool.",
        hint="Set it to IDENTITY_VALIDATE_DEADLINE_MS or more (the default is 5000), or unset FALLBACK_TICKETS_PATH.",
        id="fallback.E001",
    )


def window_below_deadline(window_ms: int, deadline_ms: int) -> Error:
    return Error(
        f"FALLBACK_DEGRADED_WINDOW_MS ({window_ms}) is less than IDENTITY_VALIDATE_DEADLINE_MS ({deadline_ms}): "
        "calls that fail at once can open the pool before a slow call could have been answered.",
        hint=f"Set FALLBACK_DEGRADED_WINDOW_MS to {deadline_ms} or more, or lower IDENTITY_VALIDATE_DEADLINE_MS.",
        id="fallback.E002",
    )


def ttl_out_of_range(ttl_s: int) -> Error:
    low, high = TTL_RANGE_S[0], TTL_RANGE_S[-1]
    return Error(
        f"FALLBACK_CONNECT_TTL_S is {ttl_s}; accepted with a fallback pool: {low}–{high} seconds.",
        hint="Set it to the lifetime, in seconds, of a connection with a fallback ticket; the default is 300.",
        id="fallback.E003",
    )


def pool_not_loaded(path: str, status: LoadStatus, detail: str) -> Warning:
    return Warning(
        f"FALLBACK_TICKETS_PATH: {safe_path(path)} is {status} ({detail}): "
        "no client can connect while identity is down.",
        hint="Mount the file at that path, let this process read it, and restart; manage.py mint_fallback_tickets "
        "makes such a file. To run without a pool, unset FALLBACK_TICKETS_PATH.",
        id="fallback.W001",
    )


def readable_by_others(path: str, mode: int) -> Warning:
    return Warning(
        f"FALLBACK_TICKETS_PATH: {safe_path(path)} has mode {mode:04o}: every user of this machine can read the "
        "tickets.",
        hint=f"Run chmod 0600 {safe_path(path)}; for a Kubernetes Secret set defaultMode: 0440 and an fsGroup.",
        id="fallback.W002",
    )


def below_watermark(size: int, watermark: int) -> Warning:
    return Warning(
        f"The fallback pool starts with {counted(size, 'ticket')}, below FALLBACK_LOW_WATERMARK ({watermark}).",
        hint="Roll out a larger pool, or lower FALLBACK_LOW_WATERMARK; 0 turns the warning off.",
        id="fallback.W003",
    )


def bad_claims_url(problem: str) -> Error:
    return Error(
        f"FALLBACK_CLAIMS_URL is refused: {problem}.",
        hint=f"Accepted: {ACCEPTED}. In a password, percent-encode all characters except letters and digits.",
        id="fallback.E004",
    )


def evicting_store(policy: str) -> Warning:
    """This warning is logged after the process has connected to the store: startup never waits for a store."""
    return Warning(
        f"The Redis of FALLBACK_CLAIMS_URL may evict claims (maxmemory-policy {policy}): used tickets would be usable "
        "again.",
        hint="Set maxmemory-policy to noeviction in that Redis, or use another Redis.",
        id="fallback.W004",
    )
