"""Logs what operators need to know about decisions.

Only accepted fallback tickets and internal errors have a line for each request. Any other notice that can occur on
every request is logged at most once in ten seconds for each kind. `count` is the number of occurrences since the last
line of this kind.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from centrifugo_proxy.events.decision import (
    CallFailed,
    Decision,
    DisconnectChanged,
    ExpiryCut,
    GuardRefused,
    MetaMissing,
    Notice,
    Notices,
    TicketMissing,
)
from common.repetition import Repetition
from fallback.admission import PoolAccepted, PoolEmpty, PoolLow
from fallback.outage import OutageEnded, OutageOpened

QUIET_S: Final = 10.0
# Notices that occur on every request while their cause lasts.
Repeated = CallFailed | TicketMissing | GuardRefused | PoolEmpty | DisconnectChanged | ExpiryCut

logger = logging.getLogger("centrifugo_proxy")


@dataclass(frozen=True, slots=True)
class OperatorLog:
    """The log lines of one running service."""

    monotonic: Callable[[], float]
    _repetition: Repetition = field(default_factory=lambda: Repetition(QUIET_S))

    def write(self, event: str, decision: Decision) -> None:
        """Log a decision if an operator needs to know it. Most decisions are not logged."""
        self.write_notices(decision.notices)
        if decision.fault is not None:
            self.write_fault(f"centrifugo.{event}", decision.fault)

    def write_fault(self, what: str, fault: Exception) -> None:
        """Log a bug, or an invalid answer of a service, with its traceback. The flood filter limits such lines."""
        logger.error("%s failed with an internal error", what, exc_info=fault)

    def write_notices(self, notices: Notices) -> None:
        """Log these notices. Log a repeated notice at most once in ten seconds."""
        for notice in notices:
            if isinstance(notice, Repeated):
                self._write_repeated(notice)
            else:
                _write_notice(notice)

    def _write_repeated(self, notice: Repeated) -> None:
        message, key, fields = _repeated_line(notice)
        if count := self._repetition.due((type(notice), key), self.monotonic()):
            logger.warning(message, extra={**fields, "count": count})


def _repeated_line(notice: Repeated) -> tuple[str, str, dict[str, Any]]:
    """The message, a key that distinguishes notices of one kind, and the fields."""
    match notice:
        case CallFailed(service, status):
            return "a call got no answer", f"{service} {status}", {"service": service, "grpc_status": status}
        case TicketMissing(problem):
            return "connect request without a usable data.token", "", {"problem": problem}
        case GuardRefused(reason):
            return "the guard refused a request", reason, {"reason": reason}
        case PoolEmpty(status):
            return "connect refused: no fallback ticket left", status, {"pool_status": str(status)}
        case DisconnectChanged(code, reason_bytes, requested_by):
            fields = {"asked_by": requested_by, "code": code, "reason_bytes": reason_bytes}
            return "changed a disconnect that Centrifugo does not accept", requested_by, fields
        case ExpiryCut(service, expire_at):
            message = "shortened an expire_at that is more than ten years ahead; it must be in seconds"
            return message, service, {"service": service, "expire_at": expire_at}


def _write_notice(notice: Notice) -> None:
    match notice:
        case OutageOpened(failures, duration_s):
            logger.warning(
                "identity outage opened",
                extra={"consecutive_failure_count": failures, "duration_s": round(duration_s, 3)},
            )
        case OutageEnded(failures, duration_s, quiet_s):
            logger.info(
                "identity outage ended",
                extra={"failures": failures, "duration_s": round(duration_s, 3), "quiet_s": round(quiet_s, 3)},
            )
        case PoolAccepted(remaining, outage):
            logger.info(
                "centrifugo.connect accepted via fallback pool",
                extra={
                    "pool_remaining": remaining,
                    "outage_degraded": outage.degraded,
                    "outage_consecutive_failure_count": outage.consecutive_failure_count,
                    "outage_duration_s": round(outage.duration_s or 0.0, 3),
                },
            )
        case PoolLow(remaining, low_watermark):
            logger.warning(
                "fallback ticket pool dropped below low-watermark",
                extra={"pool_remaining": remaining, "low_watermark": low_watermark},
            )
        case MetaMissing():
            logger.warning(
                "Centrifugo sends session events without meta, and the service refuses them; "
                "set include_connection_meta on Centrifugo's proxies (manage.py centrifugo_config prints it)"
            )
