"""Tells operators what the core decided. Nothing per request at INFO but what an outage brings."""

import logging

from centrifugo_proxy.events.decision import Decision, DisconnectChanged, MetaMissing, Notice
from fallback.admission import PoolAccepted, PoolLow
from fallback.outage import OutageEnded, OutageOpened

logger = logging.getLogger("centrifugo_proxy")
repeating = logging.getLogger("centrifugo_proxy.repeating")  # rate-limited by the site's logging


def tell(event: str, decision: Decision) -> None:
    """Log what is worth a line; most decisions are not."""
    for notice in decision.notices:
        _tell_notice(notice)
    if decision.fault is not None:
        logger.error("centrifugo.%s failed with an internal error", event, exc_info=decision.fault)


def _tell_notice(notice: Notice) -> None:
    match notice:
        case OutageOpened(failures, duration_s):
            logger.warning(
                "identity outage opened",
                extra={"consecutive_failure_count": failures, "duration_s": round(duration_s, 3)},
            )
        case OutageEnded(failures, duration_s):
            logger.info("identity outage ended", extra={"failures": failures, "duration_s": round(duration_s, 3)})
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
        case DisconnectChanged(code, reason_bytes, asked_by):
            repeating.warning(
                "%s asked for a disconnect that Centrifugo would not carry out; changed it",
                asked_by,
                extra={"code": code, "reason_bytes": reason_bytes},
            )
        case MetaMissing():
            logger.warning(
                "Centrifugo sends no meta, so that every subscribe, publish, rpc and refresh is refused; "
                "set include_connection_meta on its proxies (manage.py centrifugo_config prints how)"
            )
